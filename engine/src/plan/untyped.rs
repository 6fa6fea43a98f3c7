//! Texts without a type beside dates, times and booleans: `VALUES (DATE '2024-01-01'), ('2024-01-02')` has two
//! dates, and `ARRAY[true, 'f']` two booleans. Works on the syntax tree.

use datafusion::sql::sqlparser::ast::{CastKind, DataType, Expr, Value, Values};

/// Gives the texts of each column the type of its other cells.
pub(super) fn columns(values: &mut Values) {
    let width = values.rows.first().map_or(0, |row| row.content.len());
    for at in 0..width {
        let cells = values.rows.iter_mut();
        alternatives(cells.filter_map(|row| row.content.get_mut(at)).collect());
    }
}

/// Gives the texts among expressions, of which there will be one column or array, the type of the others:
/// if all of these say which, and the same.
pub(super) fn alternatives(cells: Vec<&mut Expr>) {
    let (texts, others): (Vec<_>, Vec<_>) = cells.into_iter().partition(|cell| is_text(cell));
    let mut types = others
        .iter()
        .filter(|cell| !is_null(cell))
        .map(|cell| written_type(cell));
    let Some(Some(data_type)) = types.next() else {
        return;
    };
    if !types.all(|other| other.as_ref() == Some(&data_type)) {
        return;
    }
    for cell in texts {
        let text = std::mem::replace(cell, Expr::Value(Value::Null.into()));
        *cell = Expr::Cast {
            kind: CastKind::Cast,
            expr: Box::new(text),
            data_type: data_type.clone(),
            array: false,
            format: None,
        };
    }
}

fn is_text(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(value) if matches!(value.value, Value::SingleQuotedString(_)))
}

fn is_null(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(value) if value.value == Value::Null)
}

/// The date, time or boolean that an expression is by how it is written.
fn written_type(expr: &Expr) -> Option<DataType> {
    let data_type = match expr {
        Expr::TypedString(typed) => &typed.data_type,
        Expr::Cast { data_type, .. } => data_type,
        Expr::Nested(inner) => return written_type(inner),
        Expr::Value(value) if matches!(value.value, Value::Boolean(_)) => &DataType::Boolean,
        _ => return None,
    };
    let is_one = matches!(
        data_type,
        DataType::Date
            | DataType::Time(..)
            | DataType::Timestamp(..)
            | DataType::Boolean
            | DataType::Bool
    );
    is_one.then(|| data_type.clone())
}
