//! Random cron patterns, drawn towards a time on the wall where something happens.

use super::pattern::Pattern;
use super::random::Random;
use super::walk::Wall;

const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// How a pattern restricts the date.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Dates {
    /// Mostly not at all.
    Any,
    /// Month and day of the month: days to years apart.
    Rare,
}

/// A pattern of 5 fields, or 6 with seconds.
pub(super) fn pattern(random: &mut Random, near: &Wall, dates: Dates, seconds: bool) -> Pattern {
    let fixed = random.chance(50);
    let mut fields = Vec::new();
    if seconds {
        fields.push(time_field(random, fixed, 59, near.second));
    }
    fields.push(time_field(random, fixed, 59, near.minute));
    fields.push(time_field(random, fixed, 23, near.hour));
    let kind = if dates == Dates::Rare {
        random.between(60, 69)
    } else {
        random.between(1, 100)
    };
    let day = match kind {
        60..=85 => day_field(random, near.day),
        _ => star(random),
    };
    let weekday = match kind {
        75..=100 => weekday_field(random, near.weekday),
        _ => star(random),
    };
    fields.push(day);
    fields.push(if dates == Dates::Rare || random.chance(25) {
        month_field(random, near.month)
    } else {
        "*".to_owned()
    });
    fields.push(weekday);
    Pattern::parse(&fields.join(" "))
}

fn star(random: &mut Random) -> String {
    if random.chance(5) { "?" } else { "*" }.to_owned()
}

fn number(random: &mut Random, low: i64, high: i64, near: i8) -> i64 {
    if random.chance(60) {
        i64::from(near)
    } else {
        random.between(low, high)
    }
}

fn list(random: &mut Random, low: i64, high: i64, near: i8) -> String {
    let count = *random.pick(&[1, 1, 2, 3, 4]);
    let items: Vec<String> = (0..count)
        .map(|_| {
            let value = number(random, low, high, near);
            if random.chance(5) {
                format!("{value:02}")
            } else {
                value.to_string()
            }
        })
        .collect();
    items.join(",")
}

fn range(random: &mut Random, low: i64, high: i64) -> String {
    let from = random.between(low, high);
    format!("{from}-{}", random.between(from, high))
}

fn time_field(random: &mut Random, fixed: bool, high: i64, near: i8) -> String {
    if fixed {
        return list(random, 0, high, near);
    }
    match random.between(1, 8) {
        1 | 2 => "*".to_owned(),
        3 => format!("*/{}", random.between(1, high)),
        4 => range(random, 0, high),
        5 => format!("{}/{}", range(random, 0, high), random.between(1, high)),
        6 => format!("{},{}", range(random, 0, high), list(random, 0, high, near)),
        7 => format!(
            "{},*/{}",
            list(random, 0, high, near),
            random.between(2, high)
        ),
        _ => list(random, 0, high, near),
    }
}

fn day_field(random: &mut Random, near: i8) -> String {
    match random.between(1, 10) {
        1 => format!("*/{}", random.between(1, 31)),
        2 => range(random, 1, 31),
        3 => format!("{}/{}", range(random, 1, 31), random.between(1, 9)),
        4 => (*random.pick(&["28", "29", "30", "31", "29,30", "28-31"])).to_owned(),
        _ => list(random, 1, 31, near),
    }
}

fn month_field(random: &mut Random, near: i8) -> String {
    match random.between(1, 10) {
        1 => format!("*/{}", random.between(1, 12)),
        2 => range(random, 1, 12),
        3 | 4 => named(random, &MONTHS, usize::try_from(near - 1).unwrap()),
        5 => (*random.pick(&["2", "feb", "2,4", "JAN-MAR", "Jun-dec/2"])).to_owned(),
        _ => list(random, 1, 12, near),
    }
}

fn weekday_field(random: &mut Random, near: i8) -> String {
    match random.between(1, 10) {
        1 => format!("*/{}", random.between(1, 7)),
        2 => range(random, 0, 7),
        3 => format!("{}/{}", range(random, 0, 7), random.between(1, 3)),
        4..=6 => named(random, &WEEKDAYS, usize::try_from(near).unwrap()),
        7 => (*random.pick(&["MON-FRI", "fri-sun", "SUN-SAT", "Mon-Sun/2", "sat,SUN"])).to_owned(),
        _ => list(random, 0, 7, near),
    }
}

fn named(random: &mut Random, names: &[&str], near: usize) -> String {
    let mut text = names[near].to_owned();
    if random.chance(40) {
        text = format!("{text},{}", random.pick(names));
    }
    if random.chance(30) {
        text.make_ascii_lowercase();
    }
    text
}
