//! `[daemon] http`: where the daemon can be watched.

use std::net::SocketAddr;

use super::problem::Problem;
use super::reader::Table;
use super::secrets::{Environment, Secret};
use super::settings::HttpSettings;

/// Shorter tokens can be guessed.
const LEAST_TOKEN_BYTES: usize = 32;

/// Reads `http = { listen = "127.0.0.1:8787" }`; absent means that nobody listens.
pub(super) fn read(daemon: &Table<'_>, environment: &Environment) -> Option<HttpSettings> {
    let table = daemon.table("http")?;
    let listen = table.text("listen");
    table.finish(&[]);
    let Some(listen) = listen else {
        let hint = "write http = { listen = \"127.0.0.1:8787\" }, or leave `http` out";
        table
            .context()
            .error(table.span(), "`http` has no `listen`".to_owned(), hint);
        return None;
    };
    let Ok(address) = listen.value.parse::<SocketAddr>() else {
        let message = format!(
            "`listen` must be an address and a port, not `{}`",
            listen.value
        );
        let hint = "for instance \"127.0.0.1:8787\" or \"[::1]:8787\"";
        table.context().error(listen.span, message, hint);
        return None;
    };
    let token = match environment.http_token() {
        Some(Ok((token, place))) if token.len() < LEAST_TOKEN_BYTES => {
            let message = format!("the token has {} bytes, too few", token.len());
            let hint = "make one of at least 32: openssl rand -hex 32";
            table
                .context()
                .problem(Problem::general(place, &message, hint));
            return None;
        }
        Some(Ok((token, _))) => Some(Secret::new(token)),
        Some(Err((place, reason))) => {
            let hint = "make it readable for this user, or unset the variable";
            table
                .context()
                .problem(Problem::general(place, &reason, hint));
            return None;
        }
        None => None,
    };
    if token.is_none() && !address.ip().is_loopback() {
        let message =
            format!("`{address}` can be reached from other machines, and no token is set");
        let hint = "listen on 127.0.0.1, or set FINSTAGE_HTTP_TOKEN, FINSTAGE_HTTP_TOKEN_FILE or \
                    the systemd credential finstage_http_token";
        table.context().error(listen.span, message, hint);
        return None;
    }
    Some(HttpSettings {
        listen: address,
        token,
    })
}
