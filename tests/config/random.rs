//! Arbitrary texts: never a panic, never a problem outside the text, never a schedule lost.

use proptest::prelude::*;

use super::{GOOD, Place};

/// Pieces that mean something in the file, to get further than noise does.
const PIECES: &[&str] = &[
    "[schedules.x]",
    "[symbols]",
    "[[schedules]]",
    "schedules",
    "job",
    "cron",
    "every",
    "symbols",
    "at",
    "=",
    "\"quotes\"",
    "\"0 9 * * *\"",
    "\"1h\"",
    "[]",
    "[\"A\"]",
    "[\"@tech\"]",
    "{}",
    "{ file = \".\" }",
    "5",
    "-1",
    "1e999",
    "nan",
    "0x_",
    "true",
    "\"",
    "'''",
    "\n",
    "\r\n",
    "\t",
    ",",
    ".",
    "#",
    "\u{feff}",
    "\u{0}",
    "ä€😀",
    "[",
    "]",
    "\\",
    "2026-01-01",
    "api_key",
    "offset",
    "timezone",
    "\"sqlite:\"",
    "\"sqlite://\"",
    "url",
    "[store]",
];

/// Reads `text`; what comes of it must make sense.
fn makes_sense(place: &Place, text: &str) {
    match place.read(text) {
        Ok((config, lints)) => {
            assert!(!lints.has_errors());
            let document: toml::Table = text.parse().expect("accepted, but not TOML");
            let written = document["schedules"].as_table().unwrap().len();
            assert_eq!(
                config.schedules.len(),
                written,
                "a schedule was lost:\n{text}"
            );
        }
        Err(problems) => {
            assert!(problems.has_errors(), "refused without a reason:\n{text}");
            for problem in &problems {
                assert!(!problem.message.is_empty());
                let Some((line, column)) = problem.position else {
                    continue;
                };
                let lines = text.split('\n').count();
                let length = text
                    .split('\n')
                    .nth(line - 1)
                    .map_or(0, |line| line.chars().count());
                assert!(line <= lines.max(1), "{problem}");
                assert!(column <= length + 1, "{problem}");
            }
            assert!(!problems.to_string().is_empty());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn an_arbitrary_text_is_read_without_panic(text in any::<String>()) {
        makes_sense(&Place::new(), &text);
    }

    #[test]
    fn arbitrary_pieces_of_a_file_are_read_without_panic(
        pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..40),
        glue in "[ \n]",
    ) {
        makes_sense(&Place::new(), &pieces.join(&glue));
    }

    #[test]
    fn a_mutated_file_is_read_without_panic_and_loses_no_schedule(
        cuts in proptest::collection::vec(
            (any::<prop::sample::Index>(), 0_usize..12, proptest::sample::select(PIECES)),
            1..4,
        ),
    ) {
        let mut letters: Vec<char> = GOOD.chars().collect();
        for (at, length, piece) in cuts {
            let start = at.index(letters.len() + 1);
            let end = (start + length).min(letters.len());
            letters.splice(start..end, piece.chars());
        }
        let text: String = letters.into_iter().collect();
        makes_sense(&Place::new(), &text);
    }

    #[test]
    fn a_value_replaced_by_another_is_read_without_panic_and_loses_no_schedule(
        line in 0_usize..12,
        value in proptest::sample::select(PIECES),
    ) {
        let lines = GOOD.lines().enumerate().map(|(at, text)| match text.split_once(" = ") {
            Some((key, _)) if at == line => format!("{key} = {value}\n"),
            _ => format!("{text}\n"),
        });
        makes_sense(&Place::new(), &lines.collect::<String>());
    }
}
