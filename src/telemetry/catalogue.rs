//! How an event is declared: one macro, one entry per event, fields checked by the compiler.

/// One entry of the catalogue: what an operator looks up when a line appears.
#[derive(Debug, Clone, Copy)]
pub struct EventDef {
    /// Stable dotted name, e.g. `run.finished`.
    pub name: &'static str,
    /// Stable code `FSnnnn`, never reused.
    pub code: &'static str,
    /// Severity.
    pub level: tracing::Level,
    /// The line's `msg`.
    pub message: &'static str,
    /// Names of the typed fields, in order.
    pub fields: &'static [&'static str],
    /// What has happened.
    pub meaning: &'static str,
    /// What the operator should do.
    pub action: &'static str,
}

/// Declares events: a struct per event with an `emit` method, and the table `CATALOGUE`.
macro_rules! events {
    ($(
        #[doc = $meaning:literal]
        $name:ident $(<$life:lifetime>)? {
            $event:literal, $code:literal, $level:ident, $message:literal,
            action: $action:literal,
            $( $key:literal: $field:ident: $type:ty, )*
        }
    )*) => {
        $(
            #[doc = $meaning]
            #[derive(Debug, Clone)]
            #[allow(missing_docs, reason = "a field is documented by its key in the catalogue")]
            pub struct $name $(<$life>)? { $( pub $field: $type, )* }

            impl $(<$life>)? $name $(<$life>)? {
                /// Writes the event to the log.
                pub fn emit(&self) {
                    tracing::event!(
                        target: "finstage",
                        tracing::Level::$level,
                        event = $event,
                        code = $code,
                        msg = $message,
                        $( $key = self.$field, )*
                        action = (tracing::Level::$level <= tracing::Level::WARN).then_some($action),
                    );
                }
            }
        )*

        /// The events of this file, in order of code.
        pub(super) static CATALOGUE: &[crate::telemetry::EventDef] = &[
            $( crate::telemetry::EventDef {
                name: $event,
                code: $code,
                level: tracing::Level::$level,
                message: $message,
                fields: &[$($key),*],
                meaning: $meaning,
                action: $action,
            }, )*
        ];
    };
}

pub(super) use events;
