//! From status and first bytes to a class, in the order that was found to be right.

use super::super::Fault;
use super::super::refusal::refusal;
use super::errors::ErrorEnvelope;
use crate::domain::FaultClass;

/// Decides about everything that is not an answer with data.
pub(super) fn classify(status: u16, body: &[u8]) -> Result<(), Fault> {
    let fault = |class, message: String| Err(Fault::new(class, message));
    if let Some(fault) = refusal(status) {
        return Err(fault);
    }
    let Some(first) = body.iter().find(|byte| !byte.is_ascii_whitespace()) else {
        return fault(
            FaultClass::Outage,
            format!("an empty answer (HTTP {status})"),
        );
    };
    match first {
        b'<' => fault(
            FaultClass::Outage,
            format!("a web page instead of data (HTTP {status})"),
        ),
        b'{' => by_error(status, body),
        _ => fault(
            FaultClass::Outage,
            format!("a text instead of data (HTTP {status})"),
        ),
    }
}

/// The upstream's own error object counts even with status 200.
fn by_error(status: u16, body: &[u8]) -> Result<(), Fault> {
    if status == 200 && !mentions_error(body) {
        return Ok(());
    }
    let envelope: ErrorEnvelope = match serde_json::from_slice(body) {
        Ok(envelope) => envelope,
        // With 200 the full parse will say what is wrong.
        Err(_) if status == 200 => return Ok(()),
        Err(_) => {
            // Damaged on the way, whatever the status: no symbol is judged by it.
            let message = format!("an unreadable answer (HTTP {status})");
            return Err(Fault::new(FaultClass::Outage, message));
        }
    };
    let Some(error) = envelope.error() else {
        if status == 200 {
            return Ok(());
        }
        return Err(Fault::new(
            by_status(status),
            format!("the upstream answered HTTP {status}"),
        ));
    };
    let code = error.code.as_deref().unwrap_or("no code");
    let description = error.description.as_deref().unwrap_or("no description");
    let class = match (code, status) {
        ("Not Found", _) => FaultClass::NotFound,
        ("Unauthorized" | "Forbidden", _) => FaultClass::Blocked,
        ("Bad Request", _) if description.starts_with("Data doesn't exist") => FaultClass::NoData,
        ("Bad Request" | "Unprocessable Entity", _) => FaultClass::BadRequest,
        ("Too Many Requests", _) => FaultClass::RateLimited,
        _ => by_status(status),
    };
    Err(Fault::new(
        class,
        format!("the upstream says: {code}: {description}"),
    ))
}

fn by_status(status: u16) -> FaultClass {
    match status {
        404 => FaultClass::NotFound,
        400 | 422 => FaultClass::BadRequest,
        _ => FaultClass::Outage,
    }
}

/// Good answers end in `"error":null}}`; only others are parsed a second time.
fn mentions_error(body: &[u8]) -> bool {
    let tail = body.len().saturating_sub(64);
    let end: Vec<u8> = body
        .iter()
        .skip(tail)
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    !end.ends_with(b"\"error\":null}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_gets_its_class_in_the_documented_order() {
        use FaultClass::{BadRequest, Blocked, NoData, NotFound, Outage, RateLimited};
        let error = |code: &str, description: &str| {
            let error = format!(r#"{{"code":"{code}","description":"{description}"}}"#);
            format!(r#"{{"chart":{{"result":null,"error":{error}}}}}"#)
        };
        let not_found = error("Not Found", "No data found, symbol may be delisted");
        let cases: [(u16, &str, Option<FaultClass>); 24] = [
            (429, "Edge: Too Many Requests", Some(RateLimited)),
            (429, "<html>", Some(RateLimited)),
            (
                999,
                "Unable to process request at this time",
                Some(RateLimited),
            ),
            (418, "", Some(RateLimited)),
            (451, &not_found, Some(Blocked)),
            (302, "", Some(Blocked)),
            (304, "", Some(Outage)),
            (204, "", Some(Outage)),
            (206, r#"{"chart":{"result":[],"error":null}}"#, Some(Outage)),
            (403, "<html>", Some(Blocked)),
            (401, "", Some(Blocked)),
            (200, " \n", Some(Outage)),
            (200, "<html>Will be right back", Some(Outage)),
            (503, "upstream connect error", Some(Outage)),
            (404, &not_found, Some(NotFound)),
            (200, &not_found, Some(NotFound)),
            (
                200,
                r#"{"chart":{"result":null,"error":"boom"}}"#,
                Some(Outage),
            ),
            (
                200,
                r#"{"chart":{"error":[1,{"code":"Not Found"}]}}"#,
                Some(Outage),
            ),
            (
                200,
                r#"{"chart":{"error":{"code":500,"description":{}}}}"#,
                Some(Outage),
            ),
            (
                404,
                r#"{"chart":{"error":{"code":404,"x":[]}}}"#,
                Some(NotFound),
            ),
            (404, &not_found[..40], Some(Outage)),
            (
                400,
                &error("Bad Request", "Data doesn't exist for startDate = 1"),
                Some(NoData),
            ),
            (
                422,
                &error("Unprocessable Entity", "range"),
                Some(BadRequest),
            ),
            (200, r#"{"chart":{"result":[],"error":null}}"#, None),
        ];
        for (status, body, expected) in cases {
            let found = classify(status, body.as_bytes())
                .err()
                .map(|fault| fault.class);
            assert_eq!(found, expected, "{status} {body}");
        }
    }
}
