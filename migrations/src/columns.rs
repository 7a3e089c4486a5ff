//! Column shapes shared by the tables: the same meaning has the same type everywhere.

use sea_orm_migration::prelude::*;

/// A name or code of bounded length.
pub(crate) fn name(column: &'static str, length: u32) -> ColumnDef {
    ColumnDef::new(column).string_len(length).not_null().take()
}

/// An instant, to the microsecond on every backend (MySQL keeps whole seconds unless told so).
pub(crate) fn instant(column: &'static str) -> ColumnDef {
    ColumnDef::new(column)
        .timestamp_with_time_zone()
        .not_null()
        .take()
}

/// An instant that may be absent.
pub(crate) fn instant_or_null(column: &'static str) -> ColumnDef {
    ColumnDef::new(column)
        .timestamp_with_time_zone()
        .null()
        .take()
}

/// A price: f64 on every backend (see docs/adr/0003).
pub(crate) fn price(column: &'static str) -> ColumnDef {
    ColumnDef::new(column).double().not_null().take()
}

/// A price that may be absent.
pub(crate) fn price_or_null(column: &'static str) -> ColumnDef {
    ColumnDef::new(column).double().null().take()
}

/// A 64-bit whole number.
pub(crate) fn whole(column: &'static str) -> ColumnDef {
    ColumnDef::new(column).big_integer().not_null().take()
}

/// A 64-bit whole number that may be absent.
pub(crate) fn whole_or_null(column: &'static str) -> ColumnDef {
    ColumnDef::new(column).big_integer().null().take()
}

/// A count of tasks or calls.
pub(crate) fn count(column: &'static str) -> ColumnDef {
    ColumnDef::new(column)
        .integer()
        .not_null()
        .default(0)
        .take()
}

/// Free text that may be absent.
pub(crate) fn text_or_null(column: &'static str) -> ColumnDef {
    ColumnDef::new(column).text().null().take()
}

/// A numeric key given by the database.
pub(crate) fn serial(column: &'static str) -> ColumnDef {
    ColumnDef::new(column)
        .big_integer()
        .not_null()
        .auto_increment()
        .primary_key()
        .take()
}

/// Ends a table that is keyed by its own columns: on SQLite the key is then the table itself.
pub(crate) fn keyed(
    manager: &SchemaManager<'_>,
    table: &mut TableCreateStatement,
) -> TableCreateStatement {
    if manager.get_database_backend() == sea_orm_migration::sea_orm::DbBackend::Sqlite {
        table.extra("WITHOUT ROWID");
    }
    table.take()
}
