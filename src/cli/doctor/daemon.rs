//! The running daemon: is there one, and is it well?

use super::Check;
use crate::config::Config;
use crate::daemon::control::client::{ClientError, ask};
use crate::daemon::control::protocol::{Answer, Request, StatusAnswer};

const NAME: &str = "control socket";

pub(super) fn check(config: &Config) -> Check {
    match ask(config, &Request::Status).and_then(|mut asked| asked.answer()) {
        Ok(Answer::Status(status)) => of_status(&status),
        Ok(_) => Check::warning(
            NAME,
            "its answer is not understood",
            "restart it: it is another version",
        ),
        Err(ClientError::NoDaemon(_)) => Check::unknown(NAME, "none answers on the control socket"),
        Err(error) => Check::warning(NAME, error.to_string(), "see its log"),
    }
}

fn of_status(status: &StatusAnswer) -> Check {
    let found = format!(
        "pid {} serves {} schedules",
        status.pid,
        status.schedules.len()
    );
    if status.is_late {
        let remedy = "something is late or stale: `finstage status` says what";
        return Check::failed(NAME, found, remedy);
    }
    if status.config_problems > 0 {
        let remedy = "it rejected a newer configuration: `finstage validate` says why";
        return Check::warning(NAME, found, remedy);
    }
    Check::ok(NAME, found)
}
