//! A JSON schema (draft 2020-12) of the log's lines, one branch an event.

use serde_json::{Map, Value, json};

use crate::telemetry::EventDef;
use crate::telemetry::events::catalogue;

pub(super) fn text() -> String {
    let branches: Vec<Value> = catalogue()
        .map(|event| json!({ "$ref": format!("#/$defs/{}", event.code) }))
        .collect();
    let definitions: Map<String, Value> = catalogue()
        .map(|event| (event.code.to_owned(), definition(event)))
        .collect();
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A line of finstage's log",
        "description": "Made of the event catalogue by `finstage events --print schema`.",
        "type": "object",
        "required": ["ts", "level", "event", "code", "msg"],
        "oneOf": branches,
        "$defs": definitions,
    });
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

/// What a line of one event looks like. One that was shortened may lack fields.
fn definition(event: &EventDef) -> Value {
    let mut properties = Map::new();
    let mut add = |key: &str, what: Value| properties.insert(key.to_owned(), what);
    add(
        "ts",
        json!({
            "type": "string",
            "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z$",
        }),
    );
    let level = if event.is_foreign() {
        json!({ "enum": ["error", "warn"] })
    } else {
        json!({ "const": event.level_name() })
    };
    add("level", level);
    add("event", json!({ "const": event.name }));
    add("code", json!({ "const": event.code }));
    add("msg", json!({ "const": event.message }));
    add("shortened", json!({ "const": true }));
    for field in event.fields {
        add(field.key, json!({ "type": field.kind.as_str() }));
    }
    let mut required: Vec<&str> = event
        .fields
        .iter()
        .filter(|field| !field.is_optional)
        .map(|field| field.key)
        .collect();
    // What a library says is the library's: which fields there are, and its level.
    if event.is_foreign() {
        required = vec!["target"];
    } else if event.carries_action() {
        add("action", json!({ "const": event.action }));
        required.push("action");
    }
    json!({
        "title": event.name,
        "description": format!("{} What to do: {}", event.meaning, event.action),
        "properties": properties,
        "required": ["ts", "level", "event", "code", "msg"],
        "anyOf": [{ "required": required }, { "required": ["shortened"] }],
        "additionalProperties": event.is_foreign(),
    })
}
