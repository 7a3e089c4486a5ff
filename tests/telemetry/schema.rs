//! The schema tells a right line from a wrong one.

use finstage::telemetry::events::catalogue;
use finstage::telemetry::reference::DOCUMENTS;
use serde_json::{Value, json};

use crate::support::schema::validate;

fn schema() -> Value {
    let document = DOCUMENTS.iter().find(|it| it.name == "schema").unwrap();
    serde_json::from_str(&document.text()).unwrap()
}

/// A right line.
fn stale() -> Value {
    let known = catalogue().find(|event| event.code == "FS3203").unwrap();
    json!({
        "ts": "2026-11-22T14:39:00.123Z", "level": "error", "event": "schedule.stale",
        "code": "FS3203", "msg": known.message, "schedule.name": "bars",
        "last_success": "", "limit_ms": 60_000, "action": known.action,
    })
}

#[test]
fn a_right_line_is_right_and_each_thing_wrong_with_it_is_told() {
    let schema = schema();
    validate(&schema, &stale()).unwrap();
    let wrong: [(&str, &str, Option<Value>); 12] = [
        ("ts", "does not match", Some("2026-11-22T14:39:00Z".into())),
        ("ts", "ts", None),
        ("level", "is not \"error\"", Some("warn".into())),
        (
            "event",
            "is not \"schedule.stale\"",
            Some("schedule.fresh".into()),
        ),
        ("code", "is unknown", Some("FS3204".into())),
        ("code", "there is no event", Some("FS0000".into())),
        ("msg", "is not", Some("other".into())),
        ("limit_ms", "is no \"integer\"", Some("60000".into())),
        ("limit_ms", "is no \"integer\"", Some(1.5.into())),
        ("limit_ms", "limit_ms\" is missing", None),
        ("action", "action\" is missing", None),
        ("surprise", "is unknown", Some(1.into())),
    ];
    for (key, expected, value) in wrong {
        let mut line = stale();
        match value {
            Some(value) => line[key] = value,
            None => drop(line.as_object_mut().unwrap().remove(key)),
        }
        let reason = validate(&schema, &line).unwrap_err();
        assert!(
            reason.contains(expected),
            "{key}: `{reason}` lacks `{expected}`"
        );
    }
}

#[test]
fn only_a_shortened_line_may_lack_fields() {
    let mut line = stale();
    line.as_object_mut().unwrap().remove("action");
    assert!(validate(&schema(), &line).is_err());
    line["shortened"] = true.into();
    validate(&schema(), &line).unwrap();
    line["shortened"] = false.into();
    assert!(validate(&schema(), &line).is_err());
}
