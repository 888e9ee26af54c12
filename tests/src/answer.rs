//! The result of a GraphQL operation, with assertions on its data and errors.

use std::fmt;

use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The answer to one operation, or one event of a subscription. A failed assertion shows the whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status; 200 for what came over a websocket.
    pub status: u16,
    /// None for what came over a websocket.
    pub headers: HeaderMap,
    pub body: Value,
}

/// One entry of `errors`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub code: String,
    /// The path of the input field that is to blame.
    pub field: Option<String>,
    pub message: String,
    /// Where in `data`: `restaurants.nodes.0.revenue`.
    pub path: String,
}

impl Problem {
    fn from_error(error: &Value) -> Self {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let step = |step: &Value| text(step).unwrap_or_else(|| step.to_string());
        Problem {
            code: text(&error["extensions"]["code"]).unwrap_or_default(),
            field: text(&error["extensions"]["field"]),
            message: text(&error["message"]).unwrap_or_default(),
            path: error["path"].as_array().into_iter().flatten().map(step).collect::<Vec<_>>().join("."),
        }
    }
}

impl Answer {
    /// What came over a socket or as an event.
    pub fn of_socket(body: Value) -> Self {
        Answer { status: 200, headers: HeaderMap::new(), body }
    }

    /// The errors, in the order they came.
    pub fn problems(&self) -> Vec<Problem> {
        self.body["errors"].as_array().into_iter().flatten().map(Problem::from_error).collect()
    }

    /// The answer itself, when it has no errors.
    #[track_caller]
    pub fn expect_success(self) -> Self {
        assert!(self.body.get("errors").is_none() && self.body["data"].is_object(), "expected success, got {self}");
        self
    }

    /// What stands at a JSON pointer below `data`: `/restaurant/menu/name`. There must be no error.
    #[track_caller]
    pub fn at(&self, pointer: &str) -> &Value {
        assert!(self.body.get("errors").is_none(), "expected {pointer} and no error, got {self}");
        self.partial(pointer)
    }

    /// What stands at a JSON pointer below `data`, whatever the errors are.
    #[track_caller]
    pub fn partial(&self, pointer: &str) -> &Value {
        self.body["data"].pointer(pointer).unwrap_or_else(|| panic!("expected {pointer}, got {self}"))
    }

    /// What stands there, read as a Rust type: `let name: String = answer.get("/restaurant/name")`.
    #[track_caller]
    pub fn get<T: DeserializeOwned>(&self, pointer: &str) -> T {
        match T::deserialize(self.at(pointer)) {
            Ok(value) => value,
            Err(error) => panic!("{pointer} is not what was expected ({error}): {self}"),
        }
    }

    /// The text at a JSON pointer below `data`.
    #[track_caller]
    pub fn text(&self, pointer: &str) -> &str {
        self.at(pointer).as_str().unwrap_or_else(|| panic!("expected a text at {pointer}, got {self}"))
    }

    /// The items of the list at a JSON pointer below `data`.
    #[track_caller]
    pub fn list(&self, pointer: &str) -> &[Value] {
        self.at(pointer).as_array().unwrap_or_else(|| panic!("expected a list at {pointer}, got {self}"))
    }

    /// There must be exactly one error, with this code.
    #[track_caller]
    pub fn expect_code(&self, code: &str) -> Problem {
        let mut problems = self.problems();
        assert!(problems.len() == 1 && problems[0].code == code, "expected one error {code}, got {self}");
        problems.remove(0)
    }

    /// There must be exactly one error, with one of these codes; gives which.
    #[track_caller]
    pub fn expect_one_of(&self, codes: &[&str]) -> String {
        let mut problems = self.problems();
        let expected = problems.len() == 1 && codes.contains(&problems[0].code.as_str());
        assert!(expected, "expected one error of {codes:?}, got {self}");
        problems.remove(0).code
    }

    /// There must be exactly one error, with this code, and this field to blame.
    #[track_caller]
    pub fn expect_error(&self, code: &str, field: &str) -> Problem {
        let problem = self.expect_code(code);
        assert!(problem.field.as_deref() == Some(field), "expected the field {field}, got {self}");
        problem
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {:#}", self.status, self.body)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(body: Value) -> Answer {
        Answer::of_socket(body)
    }

    #[test]
    fn data_is_read_by_pointer() {
        let answer = answer(json!({"data": {"dishes": [{"name": "Phở", "price": "9.50"}]}}));
        assert_eq!(answer.text("/dishes/0/name"), "Phở");
        assert_eq!(answer.get::<String>("/dishes/0/price"), "9.50");
        assert_eq!(answer.list("/dishes").len(), 1);
    }

    #[test]
    fn an_error_has_its_code_its_field_and_its_path() {
        let extensions = json!({"code": "BAD_USER_INPUT", "field": "items.0.quantity"});
        let error = json!({"message": "Too many.", "path": ["placeOrder", 0], "extensions": extensions});
        let problem =
            answer(json!({"data": null, "errors": [error]})).expect_error("BAD_USER_INPUT", "items.0.quantity");
        assert_eq!((problem.message.as_str(), problem.path.as_str()), ("Too many.", "placeOrder.0"));
    }

    #[test]
    #[should_panic(expected = "NOT_FOUND")]
    fn data_beside_an_error_is_not_taken_for_success() {
        let error = json!({"message": "There is no such dish.", "extensions": {"code": "NOT_FOUND"}});
        answer(json!({"data": {"dish": null}, "errors": [error]})).at("/dish");
    }

    #[test]
    #[should_panic(expected = "expected one error CONFLICT")]
    fn another_code_fails() {
        answer(json!({"data": {"dish": null}, "errors": [{"message": "", "extensions": {"code": "NOT_FOUND"}}]}))
            .expect_code("CONFLICT");
    }

    #[test]
    #[should_panic(expected = "expected one error CONFLICT")]
    fn success_where_an_error_is_expected_fails() {
        answer(json!({"data": {"dish": {}}})).expect_code("CONFLICT");
    }
}
