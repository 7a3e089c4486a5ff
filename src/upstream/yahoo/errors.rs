//! The upstream's own error object, under `chart`, `spark` or `finance`: read from whatever stands there,
//! so that an error in an unknown shape is still an error.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// An answer, of which only the error is looked at.
#[derive(Deserialize)]
pub(super) struct ErrorEnvelope {
    #[serde(default)]
    chart: Option<ErrorHolder>,
    #[serde(default)]
    finance: Option<ErrorHolder>,
    #[serde(default)]
    spark: Option<ErrorHolder>,
}

#[derive(Deserialize)]
struct ErrorHolder {
    #[serde(default)]
    error: Field,
}

impl ErrorEnvelope {
    pub(super) fn error(self) -> Option<UpstreamError> {
        let holders = [self.finance, self.chart, self.spark];
        holders
            .into_iter()
            .flatten()
            .find_map(|holder| holder.error.0)
    }
}

/// What an error says.
#[derive(Default)]
pub(super) struct UpstreamError {
    pub(super) code: Option<String>,
    pub(super) description: Option<String>,
}

/// An error as an object, as a text, as anything but null.
#[derive(Default)]
struct Field(Option<UpstreamError>);

/// A text or a number, as text; nothing for what is neither.
#[derive(Default)]
struct Word(Option<String>);

struct FieldVisitor;
struct WordVisitor;

impl<'de> Visitor<'de> for FieldVisitor {
    type Value = Field;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an error")
    }

    fn visit_unit<E>(self) -> Result<Field, E> {
        Ok(Field(None))
    }

    fn visit_bool<E>(self, is_error: bool) -> Result<Field, E> {
        Ok(Field(is_error.then(UpstreamError::default)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Field, E> {
        Ok(Field(Some(UpstreamError {
            code: None,
            description: Some(text.to_owned()),
        })))
    }

    fn visit_i64<E>(self, code: i64) -> Result<Field, E> {
        Ok(Field(Some(UpstreamError {
            code: Some(code.to_string()),
            description: None,
        })))
    }

    fn visit_u64<E>(self, code: u64) -> Result<Field, E> {
        Ok(Field(Some(UpstreamError {
            code: Some(code.to_string()),
            description: None,
        })))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Field, E> {
        Ok(Field(Some(UpstreamError::default())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Field, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Field(Some(UpstreamError::default())))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Field, A::Error> {
        let mut error = UpstreamError::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "code" => error.code = map.next_value::<Word>()?.0,
                "description" => error.description = map.next_value::<Word>()?.0,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Field(Some(error)))
    }
}

impl<'de> Visitor<'de> for WordVisitor {
    type Value = Word;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_unit<E>(self) -> Result<Word, E> {
        Ok(Word(None))
    }

    fn visit_bool<E>(self, word: bool) -> Result<Word, E> {
        Ok(Word(Some(word.to_string())))
    }

    fn visit_str<E>(self, word: &str) -> Result<Word, E> {
        Ok(Word(Some(word.to_owned())))
    }

    fn visit_i64<E>(self, word: i64) -> Result<Word, E> {
        Ok(Word(Some(word.to_string())))
    }

    fn visit_u64<E>(self, word: u64) -> Result<Word, E> {
        Ok(Word(Some(word.to_string())))
    }

    fn visit_f64<E>(self, word: f64) -> Result<Word, E> {
        Ok(Word(Some(word.to_string())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Word, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Word(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Word, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Word(None))
    }
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FieldVisitor)
    }
}

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordVisitor)
    }
}
