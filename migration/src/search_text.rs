//! The one folding of text that search relies on, on both sides: what is stored and what is asked for.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Folds a text so that searching finds it in any case and with or without accents: `"  Phở Bò  HÀ NỘI"` becomes
/// `"pho bo ha noi"`.
///
/// Compatibility decomposition (NFKD), without the combining marks, in lowercase, đ as d, final sigma as sigma, runs of
/// white space as one space. Letters that Unicode does not decompose stay as they are: ß stays ß, ı stays ı. In scripts that write
/// vowels as marks (Devanagari, Thai) more is found than was asked for, never less. Folding twice changes nothing more.
pub fn fold(text: &str) -> String {
    let letters: String = text
        .nfkd()
        .filter(|letter| !is_combining_mark(*letter))
        .flat_map(char::to_lowercase)
        .map(|letter| match letter {
            'đ' => 'd',
            'ς' => 'σ',
            other => other,
        })
        .collect();
    letters.split_whitespace().collect::<Vec<_>>().join(" ")
}

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
    fn turkish_dotted_i_is_an_i_and_the_dotless_stays() {
        assert_eq!(fold("İSTANBUL Çiğ Köfte"), "istanbul cig kofte");
        assert_eq!(fold("ıspanak"), "ıspanak");
    }

    #[test]
    fn german_umlauts_lose_their_dots_and_sharp_s_stays() {
        assert_eq!(fold("Weiße SOẞE mit Käse"), "weiße soße mit kase");
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
