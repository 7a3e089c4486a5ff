//! As much of JSON Schema as our own schema uses; a keyword it does not know is a panic, not a pass.

use serde_json::Value;

/// Why `value` does not keep `schema`, if it does not. `$ref` is looked up in the schema's `$defs`.
pub(crate) fn validate(schema: &Value, value: &Value) -> Result<(), String> {
    valid(schema, schema, value)
}

fn valid(root: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    for (keyword, wanted) in schema.as_object().expect("a schema is an object") {
        keyword_holds(root, schema, (keyword, wanted), value)?;
    }
    Ok(())
}

fn keyword_holds(
    root: &Value,
    schema: &Value,
    (keyword, wanted): (&str, &Value),
    value: &Value,
) -> Result<(), String> {
    let branches = || wanted.as_array().unwrap().iter();
    match keyword {
        "$schema" | "title" | "description" | "$defs" => Ok(()),
        "$ref" => {
            let name = wanted.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
            valid(root, &root["$defs"][name], value)
        }
        "type" => held(has_type(value, wanted.as_str().unwrap()), || {
            format!("{value} is no {wanted}")
        }),
        "const" => held(value == wanted, || format!("{value} is not {wanted}")),
        "enum" => held(branches().any(|one| one == value), || {
            format!("{value} is none of {wanted}")
        }),
        "pattern" => held(matches(wanted.as_str().unwrap(), value), || {
            format!("{value} does not match {wanted}")
        }),
        "required" => match branches().find(|key| value.get(key.as_str().unwrap()).is_none()) {
            Some(key) => Err(format!("{key} is missing")),
            None => Ok(()),
        },
        "properties" => {
            for (key, schema) in wanted.as_object().unwrap() {
                if let Some(value) = value.get(key) {
                    valid(root, schema, value).map_err(|reason| format!("{key}: {reason}"))?;
                }
            }
            Ok(())
        }
        "additionalProperties" => {
            let known = schema["properties"].as_object().unwrap();
            let mut keys = value.as_object().unwrap().keys();
            let other = keys.find(|key| !known.contains_key(*key));
            held(wanted.as_bool().unwrap() || other.is_none(), || {
                format!("{other:?} is unknown")
            })
        }
        "anyOf" => {
            let reasons: Result<Vec<String>, ()> = branches()
                .map(|branch| valid(root, branch, value).err().ok_or(()))
                .collect();
            reasons.map_or(Ok(()), |reasons| Err(reasons.join("; ")))
        }
        "oneOf" => {
            let kept = branches().filter(|branch| valid(root, branch, value).is_ok());
            match kept.count() {
                1 => Ok(()),
                0 => Err(nearest(root, wanted, value)),
                kept => Err(format!("{kept} branches at once")),
            }
        }
        other => panic!("the validator does not know `{other}`"),
    }
}

fn held(holds: bool, reason: impl Fn() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(reason()) }
}

fn has_type(value: &Value, wanted: &str) -> bool {
    match wanted {
        "object" => value.is_object(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        other => panic!("the validator does not know the type `{other}`"),
    }
}

/// The one pattern there is: an instant with milliseconds.
fn matches(pattern: &str, value: &Value) -> bool {
    const INSTANT: &str = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z$";
    assert_eq!(pattern, INSTANT, "a pattern the validator does not know");
    let shape: String = value
        .as_str()
        .unwrap_or_default()
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    shape == "0000-00-00T00:00:00.000Z"
}

/// What the branch of the line's own code says, where there is one.
fn nearest(root: &Value, branches: &Value, value: &Value) -> String {
    let code = value["code"].as_str().unwrap_or_default();
    let branch = branches
        .as_array()
        .unwrap()
        .iter()
        .find(|branch| branch["$ref"] == format!("#/$defs/{code}"));
    match branch.map(|branch| valid(root, branch, value)) {
        Some(Err(reason)) => reason,
        _ => format!("there is no event `{code}`"),
    }
}
