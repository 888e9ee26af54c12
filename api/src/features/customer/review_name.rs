//! What a customer's reviews are signed with: what it chose, or else as little of its name as a reader needs.

use icu_properties::{
    CodePointMapData,
    props::{GeneralCategoryGroup, Script},
};
use migration::search_text::fold;
use unicode_normalization::UnicodeNormalization;

/// What a customer's reviews are signed with: the name that it chose for them; or else one given name, where its name tells one; or else
/// initials, at most three.
///
/// Names are one text, so the given name is the first word, but for
/// - titles, which are passed over (`Dr. Ada Lovelace` is Ada); a single word behind them is a family name, and becomes an initial;
/// - `Lovelace, Ada`, where it is the first word behind the comma;
/// - Vietnamese names that begin with the family name, where it is the last word (`Nguyễn Thị Hoa` is Hoa);
/// - names in Cyrillic with a patronymic, where it is the word before that (`Иванов Иван Петрович` is Иван).
///
/// It is of letters alone, two or more, in a script whose names begin with the given name ([`GIVEN_NAME_FIRST`]). All others are told by
/// initials: `王小明` is 王., `J. R. R. Tolkien` is J. R. R., `ann.lee84` is a. So is the start of an e-mail address, which stands for the
/// name of whoever told none.
pub fn review_name(chosen: Option<&str>, name: &str, email: &str) -> String {
    if let Some(chosen) = chosen {
        return chosen.to_owned();
    }
    let given = given_name(name).filter(|_| email.split('@').next() != Some(name));
    given.map_or_else(|| initials(name), str::to_owned)
}

/// Scripts in which people write their given name first. In those of China, Japan, Korea and Cambodia the family name is first, and often
/// there is no space behind it.
const GIVEN_NAME_FIRST: [Script; 20] = [
    Script::Latin,
    Script::Cyrillic,
    Script::Greek,
    Script::Armenian,
    Script::Georgian,
    Script::Hebrew,
    Script::Arabic,
    Script::Syriac,
    Script::Ethiopic,
    Script::Devanagari,
    Script::Bengali,
    Script::Gurmukhi,
    Script::Gujarati,
    Script::Oriya,
    Script::Tamil,
    Script::Telugu,
    Script::Kannada,
    Script::Malayalam,
    Script::Sinhala,
    Script::Thai,
];

/// Folded, and without their full stops.
const TITLES: [&str; 27] = [
    "dr",
    "prof",
    "professor",
    "mr",
    "mrs",
    "ms",
    "miss",
    "mx",
    "sir",
    "rev",
    "herr",
    "frau",
    "dipl-ing",
    "ing",
    "mag",
    "drs",
    "m",
    "mme",
    "mlle",
    "sr",
    "sra",
    "srta",
    "senor",
    "senora",
    "dott",
    "sig",
    "sigra",
];

/// The family names of nine in ten Vietnamese; those that other languages have as well are not among the ones without accents.
const VIETNAMESE_FAMILY_NAMES: [&str; 20] = [
    "nguyễn", "nguyen", "trần", "lê", "phạm", "pham", "hoàng", "huỳnh", "huynh", "phan", "vũ", "võ", "đặng", "bùi",
    "đỗ", "hồ", "ngô", "dương", "lý", "đinh",
];

/// How patronymics end, in Russian and Ukrainian.
const PATRONYMICS: [&str; 7] = ["ович", "евич", "йович", "овна", "евна", "ична", "івна"];

fn given_name(name: &str) -> Option<&str> {
    let behind_comma = name.split_once(',').map(|(_, behind)| behind).filter(|behind| !behind.trim().is_empty());
    let all: Vec<&str> = behind_comma.unwrap_or(name).split_whitespace().collect();
    let words: Vec<&str> = all.iter().copied().skip_while(|word| is_title(word)).collect();
    let first = *words.first()?;
    if words.len() == 1 && all.len() > 1 {
        return None;
    }
    let is_patronymic = |word: &&str| PATRONYMICS.iter().any(|ending| word.to_lowercase().ends_with(ending));
    let given = match words.iter().skip(1).position(is_patronymic) {
        Some(before) => words[before],
        None if is_vietnamese_family_name(first) => words[words.len() - 1],
        None => first,
    };
    is_given_name(given).then_some(given)
}

fn is_title(word: &str) -> bool {
    TITLES.contains(&fold(word).trim_end_matches('.').replace(".-", "-").as_str())
}

fn is_vietnamese_family_name(word: &str) -> bool {
    VIETNAMESE_FAMILY_NAMES.contains(&word.nfc().collect::<String>().to_lowercase().as_str())
}

fn is_given_name(word: &str) -> bool {
    let scripts = CodePointMapData::<Script>::new();
    let is_fitting = |letter: char| match letter {
        '\'' | '’' | '-' | '‐' | '\u{200c}' | '\u{200d}' => true,
        _ if is_mark(letter) => true,
        _ => letter.is_alphabetic() && GIVEN_NAME_FIRST.contains(&scripts.get(letter)),
    };
    word.chars().all(is_fitting)
        && word.chars().filter(|letter| letter.is_alphabetic() && !is_mark(*letter)).count() > 1
}

fn is_mark(letter: char) -> bool {
    GeneralCategoryGroup::Mark.contains(CodePointMapData::new().get(letter))
}

/// The first letters of the first three words, each with its marks and a full stop. A word without a letter is told by its first character.
fn initials(name: &str) -> String {
    let initial = |word: &str| {
        let start = word.find(char::is_alphanumeric).unwrap_or_default();
        let mut letters = word[start..].chars();
        letters.next().into_iter().chain(letters.take_while(|letter| is_mark(*letter))).chain(['.']).collect::<String>()
    };
    name.split_whitespace().take(3).map(initial).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_given_name_is_told_where_the_name_tells_one() {
        for (name, shown) in [
            ("Ann Lee", "Ann"),
            ("Ann", "Ann"),
            ("  María José de la Cruz ", "María"),
            ("Jean-Luc O'Brien", "Jean-Luc"),
            ("D’Arcy Smith", "D’Arcy"),
            ("Dr. Ada Lovelace", "Ada"),
            ("Prof. Dr. Dipl.-Ing. Ada Lovelace", "Ada"),
            ("Lovelace, Ada", "Ada"),
            ("Nguyễn Thị Hoa", "Hoa"),
            ("NGUYỄN Thị Hoa", "Hoa"),
            ("Lê Hoa", "Hoa"),
            ("Nguyen Thi Hoa", "Hoa"),
            ("Hoa Nguyễn", "Hoa"),
            ("Nguyễn Thị Hoa", "Hoa"),
            ("Иван Иванов", "Иван"),
            ("Иванов Иван Петрович", "Иван"),
            ("Анна Петровна Иванова", "Анна"),
            ("Ελένη Παπαδοπούλου", "Ελένη"),
            ("محمد علي", "محمد"),
            ("דוד לוי", "דוד"),
            ("राम शर्मा", "राम"),
            ("സിജോ\u{200d} തോമസ്", "സിജോ\u{200d}"),
            ("สมชาย ใจดี", "สมชาย"),
            ("አበበ ቢቂላ", "አበበ"),
        ] {
            assert_eq!(review_name(None, name, "somebody@example.com"), shown, "{name}");
        }
    }

    #[test]
    fn where_it_tells_none_there_are_initials() {
        for (name, shown) in [
            ("王小明", "王."),
            ("山田 太郎", "山. 太."),
            ("김민수", "김."),
            ("សុខ វិចិត្រ", "សុ. វិ."),
            ("Ann王小明", "A."),
            ("J. R. R. Tolkien", "J. R. R."),
            ("Dr. Lovelace", "D. L."),
            ("Dr.", "D."),
            ("Nguyễn Văn A", "N. V. A."),
            ("ann.lee84", "a."),
            ("ann@example.com", "a."),
            ("E\u{301}. Dupont", "E\u{301}. D."),
            ("\"Ann\" Lee", "A. L."),
            ("🍕 🍕", "🍕. 🍕."),
            ("4711", "4."),
        ] {
            assert_eq!(review_name(None, name, "somebody@example.com"), shown, "{name}");
        }
    }

    #[test]
    fn the_start_of_an_address_is_not_told() {
        assert_eq!(review_name(None, "annlee", "annlee@example.com"), "a.");
        assert_eq!(review_name(None, "Ann", "ann@example.com"), "Ann");
    }

    #[test]
    fn what_was_chosen_is_told_as_it_is() {
        assert_eq!(review_name(Some("Pizza fan 84"), "Ann Lee", "ann@example.com"), "Pizza fan 84");
    }

    #[test]
    fn there_is_always_something_to_tell() {
        for name in ["", " ", ",", "Ann,", "-", "\u{200d}", "\u{301}", "Mr", "Mr Mr", ", ,"] {
            let told = review_name(None, name, "somebody@example.com");
            assert!(name.trim().is_empty() || !told.is_empty(), "{name:?}: {told:?}");
        }
    }
}
