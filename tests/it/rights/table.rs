//! `table.md`, read.

use std::collections::BTreeSet;

use tiffin_tests::workspace;

use super::world::VIEWERS;

/// The file, below the workspace.
pub const FILE: &str = "tests/it/rights/table.md";

/// The heading that the list of fields without rows stands under.
const PUBLIC: &str = "## Shown to whoever sees the object";

#[derive(Debug, Default)]
pub struct Table {
    pub rows: Vec<Row>,
    /// Fields (`Dish.name`, `*Connection.nodes`) that everybody sees who sees the object.
    pub public: BTreeSet<String>,
}

/// One line: what is asked for, and what each viewer gets.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its line in the file.
    pub line: usize,
    /// The field that it is about: `Order.nextStatuses`.
    pub field: String,
    /// What stands in the braces of the operation, with names such as `$order`.
    pub asked: String,
    pub cells: Vec<String>,
}

impl Table {
    pub fn read() -> Self {
        Table::parse(&workspace::read(FILE))
    }

    fn parse(text: &str) -> Self {
        let mut table = Table::default();
        let mut is_public = false;
        for (number, line) in text.lines().enumerate() {
            if line.starts_with('#') {
                is_public = line == PUBLIC;
            } else if let Some(cells) = line.strip_prefix('|').and_then(|line| line.trim_end().strip_suffix('|')) {
                let cells: Vec<_> = cells.split('|').map(str::trim).collect();
                table.add(number + 1, &cells);
            } else if let Some(fields) = line.strip_prefix("- ").filter(|_| is_public) {
                let (type_name, fields) = fields.split_once(": ").unwrap_or_else(|| panic!("{FILE}: {line}"));
                let fields = fields.split(", ").map(|field| format!("{}.{field}", type_name.trim_matches('`')));
                table.public.extend(fields);
            }
        }
        assert!(!table.rows.is_empty() && !table.public.is_empty(), "{FILE} has rows and a list of public fields");
        table
    }

    fn add(&mut self, line: usize, cells: &[&str]) {
        match cells {
            ["field", "asked", viewers @ ..] => assert_eq!(viewers, VIEWERS, "{FILE}:{line}"),
            [rule, ..] if rule.starts_with('-') => {}
            [field, asked, cells @ ..] => {
                assert_eq!(cells.len(), VIEWERS.len(), "{FILE}:{line} has a cell for each viewer");
                self.rows.push(Row {
                    line,
                    field: field.trim_matches('`').to_owned(),
                    asked: asked.trim_matches('`').to_owned(),
                    cells: cells.iter().map(|cell| (*cell).to_owned()).collect(),
                });
            }
            _ => panic!("{FILE}:{line} is no row"),
        }
    }
}

impl Row {
    pub fn is_of(&self, root: &str) -> bool {
        self.field.split('.').next() == Some(root)
    }

    /// The operation with its names still in it.
    pub fn operation(&self) -> String {
        let kind = ["Mutation", "Subscription"].into_iter().find(|root| self.is_of(root)).unwrap_or("Query");
        format!("{} {{ {} }}", kind.to_lowercase(), self.asked)
    }

    /// The names of what is asked for, each once.
    pub fn names(&self) -> BTreeSet<&str> {
        let after_signs = self.asked.split('$').skip(1);
        after_signs.map(|rest| rest.split(|letter: char| !is_of_name(letter)).next().unwrap_or_default()).collect()
    }

    /// The name that is given for an argument or input field: `order` for `orderId` of `cancelOrder(input: {orderId: $order})`.
    pub fn name_given_for(&self, argument: &str) -> Option<&str> {
        let start = self.asked.find(&format!("{argument}: $"))? + argument.len() + 3;
        self.asked[start..].split(|letter: char| !is_of_name(letter)).next()
    }
}

/// The operation with the value of each name in its place.
pub fn filled<'a>(operation: &str, values: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let mut values: Vec<_> = values.into_iter().collect();
    // A name may begin with another.
    values.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    values.iter().fold(operation.to_owned(), |text, (name, value)| text.replace(&format!("${name}"), value))
}

fn is_of_name(letter: char) -> bool {
    letter.is_ascii_lowercase() || letter == '_'
}

#[test]
fn a_table_is_read() {
    let heads = VIEWERS.join(" | ");
    let text = format!(
        "# Rights\n\n| field | asked | {heads} |\n|---|---|---|---|---|---|---|---|---|---|\n\
         | `Query.order` | `order(id: $own_order) {{ id }}` | NOT_FOUND | value | null | a, b | none | all | silent | end |\n\n\
         {PUBLIC}\n\n- `Dish`: id, name\n"
    );
    let table = Table::parse(&text);
    let [row] = table.rows.as_slice() else { panic!("{table:?}") };
    assert_eq!((row.field.as_str(), row.line, row.cells[3].as_str()), ("Query.order", 5, "a, b"));
    assert_eq!(row.names().into_iter().collect::<Vec<_>>(), ["own_order"]);
    assert_eq!(row.name_given_for("id"), Some("own_order"));
    let filled = filled(&row.operation(), [("own", "1".to_owned()), ("own_order", "\"Order:1\"".to_owned())]);
    assert_eq!(filled, r#"query { order(id: "Order:1") { id } }"#);
    assert_eq!(table.public.iter().collect::<Vec<_>>(), ["Dish.id", "Dish.name"]);
}
