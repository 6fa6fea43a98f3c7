//! A type as SQL text (`dtype = (a = 'BIGINT')`), as the planner of statements would read it.

use arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::execution::SessionState;
use datafusion::logical_expr::ExprSchemable;
use datafusion::sql::sqlparser::ast::{self, CastKind, Expr, ExprWithAlias, Value};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::Token;

use crate::error::{Error, Kind, Result};

pub fn parse(state: &SessionState, text: &str) -> Result<DataType> {
    let wrong = || {
        Error::new(
            Kind::InvalidParameterValue,
            format!("unknown type \"{text}\""),
        )
        .hint("Write a SQL type, such as BIGINT, DOUBLE, TEXT, DATE, TIMESTAMP or DECIMAL(18, 2).")
    };
    let dialect = PostgreSqlDialect {};
    let mut parser = Parser::new(&dialect)
        .try_with_sql(text)
        .map_err(|_| wrong())?;
    let data_type = parser.parse_data_type().map_err(|_| wrong())?;
    if parser.peek_token().token != Token::EOF {
        return Err(wrong());
    }
    of_sql(state, data_type).map_err(|_| wrong())
}

/// The Arrow type of a SQL type, as CAST understands it.
pub fn of_sql(state: &SessionState, mut data_type: ast::DataType) -> Result<DataType> {
    crate::sql::widen_float(&mut data_type);
    let cast = ExprWithAlias {
        expr: Expr::Cast {
            kind: CastKind::Cast,
            expr: Box::new(Expr::Value(Value::Null.into())),
            data_type,
            array: false,
            format: None,
        },
        alias: None,
    };
    let nothing = DFSchema::empty();
    let expr = state.create_logical_expr_from_sql_expr(cast, &nothing)?;
    Ok(expr.get_type(&nothing)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use datafusion::prelude::SessionContext;

    #[test]
    fn sql_types_are_read() {
        let state = SessionContext::new().state();
        assert_eq!(parse(&state, "BIGINT").unwrap(), DataType::Int64);
        assert_eq!(
            parse(&state, "decimal(10, 2)").unwrap(),
            DataType::Decimal128(10, 2)
        );
        assert_eq!(parse(&state, "text").unwrap(), DataType::Utf8View);
        assert!(parse(&state, "bigint)").is_err());
        assert!(parse(&state, "nonsense").is_err());
    }
}
