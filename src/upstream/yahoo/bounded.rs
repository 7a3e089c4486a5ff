//! Lists of an answer under a bound. A few bytes of JSON can become a hundred in memory: `{},` is
//! three, the columns it stands for are 120. So what is not used is read over, not kept, and what
//! is kept is counted.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::wire::Number;

/// Most rows of one answer: more than two centuries of sessions.
pub(super) const MAX_ROWS: usize = 60_000;

/// Most splits, dividends or distributions of one answer: one in three rows.
pub(super) const MAX_EVENTS: usize = 20_000;

/// The first element of a list whose others are nobody's business; absent for null.
pub(super) struct First<T>(pub(super) Option<T>);

impl<T> Default for First<T> {
    fn default() -> Self {
        Self(None)
    }
}

/// Times of rows.
#[derive(Default)]
pub(super) struct Stamps(pub(super) Vec<i64>);

/// A column of numbers; absent ones are NaN, a missing or null column is empty.
#[derive(Default)]
pub(super) struct Numbers(pub(super) Vec<f64>);

/// Corporate actions by their key.
pub(super) struct Listed<T>(pub(super) BTreeMap<String, T>);

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

/// Reads a `Self` off a list or a map.
struct Reads<T>(PhantomData<T>);

fn too_many<E: Error>(most: usize, what: &str) -> E {
    E::custom(format!("more than {most} {what}"))
}

/// The elements of a list, as long as there are no more than [`MAX_ROWS`].
fn rows<'de, A: SeqAccess<'de>, T: Deserialize<'de>, V>(
    mut list: A,
    value_of: impl Fn(T) -> V,
) -> Result<Vec<V>, A::Error> {
    let mut rows = Vec::with_capacity(256);
    while let Some(element) = list.next_element()? {
        if rows.len() == MAX_ROWS {
            return Err(too_many(MAX_ROWS, "rows"));
        }
        rows.push(value_of(element));
    }
    Ok(rows)
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Reads<First<T>> {
    type Value = First<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_unit<E>(self) -> Result<First<T>, E> {
        Ok(First(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<First<T>, A::Error> {
        let first = list.next_element()?;
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(First(first))
    }
}

impl<'de> Visitor<'de> for Reads<Stamps> {
    type Value = Stamps;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of times")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Stamps, A::Error> {
        rows(list, |second: i64| second).map(Stamps)
    }
}

impl<'de> Visitor<'de> for Reads<Numbers> {
    type Value = Numbers;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of numbers")
    }

    fn visit_unit<E>(self) -> Result<Numbers, E> {
        Ok(Numbers::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Numbers, A::Error> {
        rows(list, Number::or_nan).map(Numbers)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Reads<Listed<T>> {
    type Value = Listed<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of corporate actions")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Listed<T>, A::Error> {
        let mut listed = BTreeMap::new();
        while let Some((key, value)) = map.next_entry()? {
            if listed.len() == MAX_EVENTS {
                return Err(too_many(MAX_EVENTS, "corporate actions"));
            }
            listed.insert(key, value);
        }
        Ok(Listed(listed))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for First<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reads::<Self>(PhantomData))
    }
}

impl<'de> Deserialize<'de> for Stamps {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Reads::<Self>(PhantomData))
    }
}

impl<'de> Deserialize<'de> for Numbers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reads::<Self>(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Listed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Reads::<Self>(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: for<'a> Deserialize<'a>>(json: &str) -> Result<T, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn only_the_first_of_a_list_is_kept_and_the_rest_must_still_be_json() {
        let first = |json: &str| read::<First<i64>>(json).map(|first| first.0);
        assert_eq!(first("[7,{},[1],null]"), Ok(Some(7)));
        assert_eq!(first("[]"), Ok(None));
        assert_eq!(first("null"), Ok(None));
        assert!(first("[7,{]").is_err() && first("[7,8").is_err() && first("{}").is_err());
    }

    #[test]
    fn a_list_is_read_up_to_its_bound_and_no_further() {
        let list = |count: usize| format!("[{}0]", "0,".repeat(count - 1));
        assert_eq!(read::<Stamps>(&list(MAX_ROWS)).unwrap().0.len(), MAX_ROWS);
        assert_eq!(read::<Numbers>(&list(MAX_ROWS)).unwrap().0.len(), MAX_ROWS);
        let too_long = list(MAX_ROWS + 1);
        let told = "more than 60000 rows";
        assert!(read::<Stamps>(&too_long).is_err_and(|e| e.contains(told)));
        assert!(read::<Numbers>(&too_long).is_err_and(|e| e.contains(told)));
        let actions = |count: usize| {
            let entries: Vec<String> = (0..count).map(|key| format!("\"{key}\":1")).collect();
            format!("{{{}}}", entries.join(","))
        };
        let listed = read::<Listed<i64>>(&actions(MAX_EVENTS)).unwrap();
        assert_eq!(listed.0.len(), MAX_EVENTS);
        let error = read::<Listed<i64>>(&actions(MAX_EVENTS + 1)).err().unwrap();
        assert!(
            error.contains("more than 20000 corporate actions"),
            "{error}"
        );
    }

    #[test]
    fn a_null_column_is_empty_and_null_times_are_refused() {
        assert!(read::<Numbers>("null").unwrap().0.is_empty());
        assert!(read::<Numbers>("[1,null,\"NaN\"]").unwrap().0[1].is_nan());
        assert!(read::<Stamps>("[null]").is_err());
    }
}
