//! Folds text for search, the same for what is stored and what is asked for: case, accents and white space do not matter.

use caseless::default_case_fold_str;
use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// Folds a text so that searching finds it in any case and with or without accents: `"  Phở Bò  HÀ NỘI"` becomes
/// `"pho bo ha noi"`, `"STRASSE"` and `"Straße"` become `"strasse"`.
///
/// Compatibility decomposition (NFKD), without accents and what has no width, in Unicode's whole case folding, letters that Unicode does not
/// decompose as they are spelled without them (`ł` as l, `æ` as ae), runs of white space as one space. Marks that make another sound
/// stay: kana's voicing (パ is no ハ), and the signs of the scripts of India and South-East Asia. Folding twice changes nothing more.
pub fn fold(text: &str) -> String {
    let bare = |text: &str| -> String { text.nfkd().filter(|letter| !is_left_out(*letter)).collect() };
    let mut spelled = String::with_capacity(text.len());
    for letter in bare(&default_case_fold_str(&bare(text))).chars() {
        match plain_spelling(letter) {
            Some(plain) => spelled.push_str(plain),
            None => spelled.push(letter),
        }
    }
    spelled.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// How a letter is written by those who do not have it.
fn plain_spelling(letter: char) -> Option<&'static str> {
    Some(match letter {
        'æ' => "ae",
        'đ' | 'ð' => "d",
        'ħ' => "h",
        'ı' => "i",
        'ł' => "l",
        'ŋ' => "n",
        'ø' => "o",
        'œ' => "oe",
        'ŧ' => "t",
        'þ' => "th",
        // Of a fraction such as ½.
        '\u{2044}' => "/",
        _ => return None,
    })
}

/// Accents, and characters that nobody sees.
fn is_left_out(letter: char) -> bool {
    match letter.general_category() {
        GeneralCategory::Format => true,
        GeneralCategory::NonspacingMark | GeneralCategory::SpacingMark | GeneralCategory::EnclosingMark => {
            !SOUNDS.iter().any(|script| script.contains(&letter))
        }
        _ => false,
    }
}

/// Where marks are vowels or consonants: kana, and the scripts that come from Brahmi.
const SOUNDS: [std::ops::RangeInclusive<char>; 8] = [
    '\u{3099}'..='\u{309a}',
    '\u{900}'..='\u{109f}',
    '\u{1700}'..='\u{17ff}',
    '\u{1900}'..='\u{1aad}',
    '\u{1b00}'..='\u{1cff}',
    '\u{a800}'..='\u{aaff}',
    '\u{abe0}'..='\u{abff}',
    '\u{11000}'..='\u{11fff}',
];

/// Folds several texts into lines of one. What is sorted by the result is sorted by the first text: a line feed comes before
/// everything that folded text contains, so that `Pho` comes before `Pho An`, wherever they are.
pub fn fold_lines<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    texts.into_iter().map(fold).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::{fold, fold_lines};

    #[test]
    fn lines_are_sorted_by_the_first_text() {
        assert_eq!(fold_lines(["Phở  Bò", "Hà\nNội"]), "pho bo\nha noi");
        let short = fold_lines(["Pho", "Zz Street"]);
        assert!(short < fold_lines(["Pho An", "Aa Street"]) && short < fold_lines(["Pho!", "Aa Street"]));
    }

    #[test]
    fn vietnamese_is_found_without_its_accents() {
        assert_eq!(fold("Phở Bò Hà Nội"), "pho bo ha noi");
        assert_eq!(fold("BÁNH ĐÚC đặc biệt"), "banh duc dac biet");
        // The same text, composed and decomposed.
        assert_eq!(fold("Bu\u{301}n cha\u{309}"), fold("Bún chả"));
    }

    #[test]
    fn turkish_i_is_an_i_with_a_dot_or_without() {
        assert_eq!(fold("İSTANBUL Çiğ Köfte"), "istanbul cig kofte");
        assert_eq!(fold("ıspanak ISPANAK"), "ispanak ispanak");
    }

    #[test]
    fn letters_that_do_not_decompose_are_spelled_out() {
        assert_eq!(fold("Weiße SOẞE STRASSE mit Käse"), "weisse sosse strasse mit kase");
        assert_eq!(fold("Łosoś ŚLEDŹ"), "losos sledz");
        assert_eq!(fold("Øl og ÆBLE, Smørrebrød, Ǽ"), "ol og aeble, smorrebrod, ae");
        assert_eq!(fold("Œuf, bœuf"), "oeuf, boeuf");
        assert_eq!(fold("Þorskur með smjöri"), "thorskur med smjori");
        assert_eq!(fold("½ l, 1½"), "1/2 l, 11/2");
    }

    #[test]
    fn what_nobody_sees_is_not_there() {
        assert_eq!(fold("ta\u{200b}co\u{ad} \u{feff}tru\u{2060}ck\u{fe0f}\u{200d}"), "taco truck");
        assert_eq!(fold("\u{200b}\u{200e}"), "");
    }

    #[test]
    fn marks_that_are_sounds_stay() {
        assert!(!fold("ハンバーグ").contains(&fold("パン")));
        assert_eq!(fold("ﾊﾟﾝ"), fold("パン"));
        assert_ne!(fold("がき"), fold("かき"));
        assert_ne!(fold("दाल"), fold("दल"));
        assert_ne!(fold("ข้าว"), fold("ขาว"));
        assert_eq!(fold("क़ीमा"), fold("\u{915}\u{93c}ीमा"));
        assert_eq!(fold("שָׁלוֹם"), fold("שלום"), "points are optional");
        assert_eq!(fold("مُحَمَّد"), fold("محمد"));
    }

    #[test]
    fn other_scripts_lose_case_only() {
        assert_eq!(fold("ΟΔΟΣ οδός"), "οδοσ οδοσ");
        assert_eq!(fold("ПЕЛЬМЕНИ"), "пельмени");
        assert_eq!(fold("寿司"), "寿司");
    }

    #[test]
    fn white_space_is_one_space_between_words() {
        assert_eq!(fold("  Taco \t\n  Truck\u{a0}№ 5 "), "taco truck no 5");
        assert_eq!(fold(" \t "), "");
    }

    #[test]
    fn folding_twice_changes_nothing_more() {
        for text in ["İĐ ẞ ™ ㎏ ﬁ Ǆ ϓ", "Phở", "ΟΔΟΣ", "ガ각", "K Å Ω"] {
            assert_eq!(fold(&fold(text)), fold(text), "{text}");
        }
    }

    #[test]
    fn every_letter_folds_to_the_same_when_folded_again() {
        for letter in '\0'..=char::MAX {
            let once = fold(&letter.to_string());
            assert_eq!(fold(&once), once, "{letter:?}");
        }
    }
}
