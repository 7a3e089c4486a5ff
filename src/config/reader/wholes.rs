//! Whole numbers alone and in lists, and values that `false` leaves out.

use std::ops::Range;

use toml::de::DeValue;

use super::{At, Table};

/// A value that `false` leaves out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::config) enum Wish<T> {
    /// Left out on purpose.
    Off,
    /// This.
    Is(T),
}

impl<'a> Table<'a> {
    /// Where the value of `key` stands; the table itself without one.
    pub(in crate::config) fn place(&self, key: &'static str) -> Range<usize> {
        self.get(key)
            .map_or_else(|| self.span(), toml::Spanned::span)
    }

    /// Whether `key` is `false`.
    fn is_off(&self, key: &'static str) -> bool {
        let value = self.get(key);
        value.is_some_and(|value| value.get_ref().as_bool() == Some(false))
    }

    /// A whole number from 0 on, or `false`.
    pub(in crate::config) fn whole_or_off(&self, key: &'static str) -> Option<Wish<u32>> {
        if self.is_off(key) {
            return Some(Wish::Off);
        }
        self.whole(key).map(Wish::Is)
    }

    /// A whole number from 0 on.
    pub(in crate::config) fn whole(&self, key: &'static str) -> Option<u32> {
        let value = self.get(key)?;
        let number = whole(value.get_ref());
        if number.is_none() {
            self.wrong_type(key, value, "a whole number");
        }
        number
    }

    /// A list of whole numbers from 0 on, or `false` for none.
    pub(in crate::config) fn wholes(&self, key: &'static str) -> Option<Vec<At<u32>>> {
        if self.is_off(key) {
            return Some(Vec::new());
        }
        let value = self.get(key)?;
        let Some(list) = value.get_ref().as_array() else {
            self.wrong_type(key, value, "a list of whole numbers");
            return None;
        };
        let mut numbers = Vec::with_capacity(list.len());
        for item in list {
            match whole(item.get_ref()) {
                Some(value) => numbers.push(At {
                    value,
                    span: item.span(),
                }),
                None => self.wrong_type(key, item, "a list of whole numbers"),
            }
        }
        Some(numbers)
    }

    /// A table under `key`, or `false`.
    pub(in crate::config) fn table_or_off(&self, key: &'static str) -> Option<Wish<Table<'a>>> {
        if self.is_off(key) {
            return Some(Wish::Off);
        }
        self.table(key).map(Wish::Is)
    }

    /// A text under `key`, or `false`.
    pub(in crate::config) fn text_or_off(&self, key: &'static str) -> Option<Wish<At<&'a str>>> {
        if self.is_off(key) {
            return Some(Wish::Off);
        }
        self.text(key).map(Wish::Is)
    }
}

fn whole(value: &DeValue<'_>) -> Option<u32> {
    let integer = value.as_integer()?;
    u32::from_str_radix(integer.as_str(), integer.radix()).ok()
}
