//! Rust source as far as the law needs it: code without comments, strings and test modules, cut
//! into words and signs that know their line.

/// A word or a sign of the code; `::` is one sign.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) text: String,
    pub(super) line: usize,
}

impl Token {
    pub(super) fn is_word(&self) -> bool {
        self.text
            .starts_with(|first: char| first.is_alphabetic() || first == '_')
    }
}

/// The tokens of a file, without what `#[cfg(test)]` stands on.
pub(super) fn tokens(source: &str) -> Vec<Token> {
    without_tests(&cut(&blank(source)))
}

/// Replaces comments and the contents of literals by blanks; lines stay where they are.
fn blank(source: &str) -> String {
    let mut rest = source;
    let mut code = String::new();
    while let Some(first) = rest.chars().next() {
        let in_word = code.ends_with(|last: char| last.is_alphanumeric() || last == '_');
        let length = silent_length(rest, in_word);
        let (silent, after) = rest.split_at(length.unwrap_or(first.len_utf8()));
        if length.is_some() {
            code.extend(silent.chars().map(|c| if c == '\n' { c } else { ' ' }));
        } else {
            code.push(first);
        }
        rest = after;
    }
    code
}

/// The length of the comment or literal that `rest` begins with.
fn silent_length(rest: &str, in_word: bool) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(block_comment_length(rest));
    }
    if let Some(string) = rest.strip_prefix('"') {
        return Some(1 + closing(string, '"'));
    }
    if let Some(character) = rest.strip_prefix('\'') {
        let mut inner = character.chars();
        return match (inner.next(), inner.next()) {
            (Some('\\'), _) => Some(1 + closing(character, '\'')),
            (Some(letter), Some('\'')) => Some(2 + letter.len_utf8()),
            _ => None,
        };
    }
    let raw = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r'))?;
    let hashes = raw.len() - raw.trim_start_matches('#').len();
    if in_word || !raw[hashes..].starts_with('"') {
        return None;
    }
    let opening = rest.len() - raw.len() + hashes + 1;
    let end = format!("\"{}", "#".repeat(hashes));
    let found = rest[opening..].find(&end);
    Some(found.map_or(rest.len(), |at| opening + at + end.len()))
}

fn block_comment_length(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while let Some(found) = rest[at..].find(['/', '*']) {
        at += found;
        let (change, length) = match rest.get(at..at + 2) {
            Some("/*") => (1, 2),
            Some("*/") => (-1, 2),
            _ => (0, 1),
        };
        depth += change;
        at += length;
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

/// Bytes up to and with the closing quote.
fn closing(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, letter) in text.char_indices() {
        if letter == quote && !escaped {
            return at + 1;
        }
        escaped = letter == '\\' && !escaped;
    }
    text.len()
}

fn cut(code: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    for (number, line) in code.lines().enumerate() {
        let mut open = false;
        for letter in line.chars() {
            let part_of_word = letter.is_alphanumeric() || letter == '_';
            let last = tokens.last_mut().filter(|_| open);
            match last {
                Some(word) if part_of_word && word.text != ":" => word.text.push(letter),
                Some(colon) if letter == ':' && colon.text == ":" => {
                    colon.text.push(':');
                    open = false;
                    continue;
                }
                _ if letter.is_whitespace() => {}
                _ => tokens.push(Token {
                    text: letter.to_string(),
                    line: number + 1,
                }),
            }
            open = part_of_word || letter == ':';
        }
    }
    tokens
}

/// Leaves out every item that `#[cfg(test)]` stands on.
fn without_tests(tokens: &[Token]) -> Vec<Token> {
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let next = tokens[at..].iter().take(7).map(|token| token.text.as_str());
        if next.eq(["#", "[", "cfg", "(", "test", ")", "]"]) {
            at = end_of_item(tokens, at + 7);
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

/// The index after the item that begins at `at`: after its `;` or its closing brace.
fn end_of_item(tokens: &[Token], mut at: usize) -> usize {
    let mut depth = 0;
    while at < tokens.len() {
        match tokens[at].text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" => depth -= 1,
            "}" => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            ";" if depth == 0 => return at + 1,
            _ => {}
        }
        at += 1;
    }
    at
}

#[test]
fn comments_and_literals_are_not_code() {
    let source = r##"
        // crate::a
        /* crate::b /* nested */ crate::c */
        let s = "crate::d \" crate::e"; let c = '"'; let l: &'static str = r#"crate::f " "#;
        let b = b"crate::g"; let q = '\''; use crate::real;
    "##;
    let words: Vec<String> = tokens(source)
        .into_iter()
        .filter(Token::is_word)
        .map(|token| token.text)
        .collect();
    let expected = "let s let c let l static str let b b let q use crate real";
    assert_eq!(words.join(" "), expected);
    let real = tokens(source)
        .into_iter()
        .find(|token| token.text == "real");
    assert_eq!(real.map(|token| token.line), Some(5));
}

#[test]
fn what_cfg_test_stands_on_is_left_out_and_nothing_else() {
    let source = "
        #[cfg(test)] use crate::a;
        fn one() {}
        #[cfg(test)]
        #[allow(unused, reason = \"x\")]
        mod tests { fn inner() { crate::b::c([0; 2]); } }
        #[cfg(not(test))] fn two() { crate::d() }
    ";
    let words: Vec<String> = tokens(source).into_iter().map(|token| token.text).collect();
    let expected = "fn one ( ) { } # [ cfg ( not ( test ) ) ] fn two ( ) { crate :: d ( ) }";
    assert_eq!(words.join(" "), expected);
}
