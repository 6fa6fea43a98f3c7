//! Texts without a type beside values that are written with one: `VALUES (DATE '2024-01-01'), ('2024-01-02')`
//! has two dates, and `ARRAY[true, 'f']` two booleans. Works on the syntax tree.

use datafusion::sql::sqlparser::ast::{CastKind, DataType, Expr, Value, Values};

/// Gives the texts of each column the type of its other cells.
pub(super) fn columns(values: &mut Values) {
    let width = values.rows.first().map_or(0, |row| row.content.len());
    for at in 0..width {
        let cells = values.rows.iter_mut();
        alternatives(cells.filter_map(|row| row.content.get_mut(at)).collect());
    }
}

/// Gives the texts among expressions, of which there will be one column or array, the type of the others.
pub(super) fn alternatives(mut cells: Vec<&mut Expr>) {
    let Some(data_type) = cells.iter().find_map(|cell| written_type(cell)) else {
        return;
    };
    for cell in &mut cells {
        if is_text(cell) {
            let text = std::mem::replace(&mut **cell, Expr::Value(Value::Null.into()));
            **cell = Expr::Cast {
                kind: CastKind::Cast,
                expr: Box::new(text),
                data_type: data_type.clone(),
                array: false,
                format: None,
            };
        }
    }
}

fn is_text(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(value) if matches!(value.value, Value::SingleQuotedString(_)))
}

/// The type that an expression has by how it is written; texts keep theirs.
fn written_type(expr: &Expr) -> Option<DataType> {
    let data_type = match expr {
        Expr::TypedString(typed) => typed.data_type.clone(),
        Expr::Cast { data_type, .. } => data_type.clone(),
        Expr::Nested(inner) => written_type(inner)?,
        Expr::Interval(_) => DataType::Interval {
            fields: None,
            precision: None,
        },
        Expr::Value(value) if matches!(value.value, Value::Boolean(_)) => DataType::Boolean,
        _ => return None,
    };
    let is_text = matches!(
        data_type,
        DataType::Text
            | DataType::Varchar(_)
            | DataType::CharacterVarying(_)
            | DataType::CharVarying(_)
            | DataType::Char(_)
            | DataType::Character(_)
    );
    (!is_text).then_some(data_type)
}
