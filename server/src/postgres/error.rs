//! Errors and notices as the fields that clients read.

use quern_engine::{Error, Notice};

/// What a prepared statement is refused with when its rows have other columns now. By the routine that
/// PostgreSQL names with it, drivers know that they need to prepare again.
pub const CHANGED_PLAN: &str = "cached plan must not change result type";

type Fields = Vec<(u8, String)>;

/// The fields of an ErrorResponse; `severity` is ERROR, or FATAL when the connection ends with it.
pub fn fields(error: &Error, severity: &'static str) -> Fields {
    let mut fields = head(severity, error.sqlstate(), &error.message);
    let optional = [(b'D', &error.detail), (b'H', &error.hint)];
    let present = optional
        .into_iter()
        .filter_map(|(key, text)| Some((key, text.clone()?)));
    fields.extend(present);
    if error.message == CHANGED_PLAN {
        fields.push((b'R', "RevalidateCachedQuery".to_string()));
    }
    if let Some(position) = error.position {
        fields.push((b'P', position.to_string()));
    }
    fields
}

pub fn notice_fields(notice: &Notice) -> Fields {
    let sqlstate = match notice.severity {
        "WARNING" => "01000",
        _ => "00000",
    };
    head(notice.severity, sqlstate, &notice.message)
}

fn head(severity: &str, sqlstate: &str, message: &str) -> Fields {
    // A zero byte would end the field early.
    let message = message.replace('\0', "\\0");
    vec![
        (b'S', severity.to_string()),
        (b'V', severity.to_string()),
        (b'C', sqlstate.to_string()),
        (b'M', message),
    ]
}
