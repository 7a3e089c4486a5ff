//! `finstage migrate`.

use super::{Exit, Globals, Outcome, open, output};
use crate::store::Store;
use crate::telemetry::Meter;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only say what is missing; exit code 1 when something is
    #[arg(long)]
    check: bool,
}

pub(super) fn run(args: &Args, globals: &Globals) -> Outcome {
    let (config, _) = open::load(globals)?;
    open::small_runtime()?.block_on(async {
        let is_missing = config
            .store
            .url
            .sqlite_path()
            .is_some_and(|path| !path.exists());
        if args.check && is_missing {
            output::print(&format!(
                "{}: there is no database yet",
                config.store.url.redacted()
            ));
            return Ok(Exit::Failure);
        }
        let store = Store::open(&config.store, Meter::default())
            .await
            .map_err(open::store_failed)?;
        if args.check {
            let pending = store
                .pending_migrations()
                .await
                .map_err(open::store_failed)?;
            output::print(&format!(
                "{}: {pending} schema changes missing",
                store.place()
            ));
            return Ok(if pending == 0 {
                Exit::Success
            } else {
                Exit::Failure
            });
        }
        let applied = store.migrate().await.map_err(open::store_failed)?;
        output::print(&format!(
            "{}: {applied} schema changes applied",
            store.place()
        ));
        Ok(Exit::Success)
    })
}
