//! Values that are recognised wherever they turn up.

/// Gives out markers: texts such as `~1017~` and degrees with seven digits after the point, each once.
pub struct Markers(u32);

impl Markers {
    /// From this number on: as many digits as the last one has.
    pub fn from(first: u32) -> Self {
        Markers(first)
    }

    /// A text with a marker of its own, cut to so many characters: the marker is whole or not there.
    pub fn text(&mut self, word: &str, maximum: usize) -> String {
        let marker = self.next();
        let whole = format!("{word} ~{marker}~");
        if whole.chars().count() <= maximum { whole } else { word.chars().take(maximum).collect() }
    }

    /// An e-mail address with a marker of its own.
    pub fn email(&mut self) -> String {
        format!("~{}~@example.com", self.next())
    }

    /// Degrees that nothing else is at.
    pub fn degrees(&mut self) -> f64 {
        let text = format!("{}.{:06}7", self.0 % 80 + 5, self.next());
        text.parse().expect("it is a number")
    }

    fn next(&mut self) -> u32 {
        self.0 += 1;
        self.0
    }
}

/// The markers in a text.
pub fn markers_in(text: &str) -> impl Iterator<Item = &str> {
    let is_number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    text.split('~').skip(1).filter(is_number)
}

/// The text by which marked degrees are known; `None` for any other number.
pub fn degrees_marker(degrees: f64) -> Option<String> {
    let text = degrees.abs().to_string();
    text.split_once('.').is_some_and(|(_, digits)| digits.len() == 7).then_some(text)
}

#[test]
fn markers_are_found_again() {
    let mut markers = Markers::from(1_000);
    let (text, email, degrees) = (markers.text("Ann", 100), markers.email(), markers.degrees());
    assert_eq!((text.as_str(), email.as_str()), ("Ann ~1001~", "~1002~@example.com"));
    assert_eq!(markers_in(&format!("\"{text}\", ~ {email}")).collect::<Vec<_>>(), ["1001", "1002"]);
    assert_eq!(degrees_marker(degrees).as_deref(), Some("47.0010037"));
    assert_eq!(degrees_marker(-21.5), None);
    assert_eq!(markers.text("P", 3), "P");
}
