//! How an event is declared: one macro, one entry per event, fields checked by the compiler.

use super::alert::Signal;

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
    /// The typed fields, in order.
    pub fields: &'static [FieldDef],
    /// What has happened.
    pub meaning: &'static str,
    /// What the operator should do.
    pub action: &'static str,
    /// What it tells whoever watches the log by rules.
    pub signal: Signal,
}

impl EventDef {
    /// The level as lines have it: `error`, `warn`, `info` or `debug`.
    pub fn level_name(&self) -> &'static str {
        super::line::level_name(self.level)
    }

    /// Whether its lines carry the operator's action: warnings and errors do.
    pub fn carries_action(&self) -> bool {
        self.level <= tracing::Level::WARN
    }

    /// Whether it wraps what a library has said: its level and further fields are the library's.
    pub fn is_foreign(&self) -> bool {
        self.code == super::events::DependencyMessage::DEF.code
    }
}

/// A field of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldDef {
    /// Its key in the line, e.g. `schedule.name`.
    pub key: &'static str,
    /// What its values are.
    pub kind: FieldKind,
    /// Whether a line may lack it: a number that is not known.
    pub is_optional: bool,
}

/// The kinds of values, as JSON and its schemas know them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// Text; long ones are cut and marked.
    Text,
    /// A whole number.
    Integer,
    /// A number with two decimals, below one with four digits; left out when it is not finite.
    Number,
    /// `true` or `false`.
    Flag,
}

impl FieldKind {
    /// The name of the type in a JSON schema.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Flag => "boolean",
        }
    }
}

/// Rust types a field may have.
pub(super) trait FieldType {
    const KIND: FieldKind;
    /// Left out of the line where there is none.
    const IS_OPTIONAL: bool = false;
}

impl FieldType for &str {
    const KIND: FieldKind = FieldKind::Text;
}

impl FieldType for u32 {
    const KIND: FieldKind = FieldKind::Integer;
}

impl FieldType for u64 {
    const KIND: FieldKind = FieldKind::Integer;
}

impl FieldType for i64 {
    const KIND: FieldKind = FieldKind::Integer;
}

impl FieldType for Option<i64> {
    const KIND: FieldKind = FieldKind::Integer;
    const IS_OPTIONAL: bool = true;
}

/// Left out of the line when it is not finite.
impl FieldType for f64 {
    const KIND: FieldKind = FieldKind::Number;
    const IS_OPTIONAL: bool = true;
}

impl FieldType for bool {
    const KIND: FieldKind = FieldKind::Flag;
}

/// Declares events: a struct per event with an `emit` method, and the table `CATALOGUE`.
/// An entry whose event alerts somebody says so after its action: `opens`, `closes`, `tells`,
/// `beats` or `begins`, and the alert of `telemetry/alerts.rs`.
macro_rules! events {
    ($(
        #[doc = $meaning:literal]
        $name:ident $(<$life:lifetime>)? {
            $event:literal, $code:literal, $level:ident, $message:literal,
            action: $action:literal,
            $( $signal:ident: $alert:ident, )?
            $( $key:literal: $field:ident: $type:ty, )*
        }
    )*) => {
        $(
            #[doc = $meaning]
            #[derive(Debug, Clone)]
            #[allow(missing_docs, reason = "a field is documented by its key in the catalogue")]
            pub struct $name $(<$life>)? { $( pub $field: $type, )* }

            impl $(<$life>)? $name $(<$life>)? {
                /// Its entry in the catalogue.
                pub const DEF: crate::telemetry::EventDef = crate::telemetry::EventDef {
                    name: $event,
                    code: $code,
                    level: tracing::Level::$level,
                    message: $message,
                    fields: &[
                        $( crate::telemetry::FieldDef {
                            key: $key,
                            kind: <$type as crate::telemetry::catalogue::FieldType>::KIND,
                            is_optional:
                                <$type as crate::telemetry::catalogue::FieldType>::IS_OPTIONAL,
                        }, )*
                    ],
                    meaning: $meaning.trim_ascii_start(),
                    action: $action,
                    signal: crate::telemetry::catalogue::signal!($($signal $alert)?),
                };

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
            $( $name::DEF, )*
        ];
    };
}

/// The signal of an entry: the one it names, or none.
macro_rules! signal {
    () => {
        crate::telemetry::Signal::None
    };
    ($signal:ident $alert:ident) => {
        crate::telemetry::Signal::$signal(&crate::telemetry::alerts::$alert)
    };
}

pub(super) use {events, signal};
