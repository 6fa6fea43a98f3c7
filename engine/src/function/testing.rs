//! Runs SQL over a context with our functions, for unit tests; values are tested by the .slt files.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::config::Dialect;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::sql::parser::Statement;

use crate::error::Error;

/// A context as the session makes it: PostgreSQL's dialect, two partitions, the zone given.
pub(crate) fn context(zone: &str) -> SessionContext {
    let mut config = SessionConfig::new().with_target_partitions(2);
    config.options_mut().sql_parser.dialect = Dialect::PostgreSQL;
    config.options_mut().sql_parser.parse_float_as_decimal = true;
    config.options_mut().execution.time_zone = Some(zone.to_string());
    let mut state = SessionStateBuilder::new()
        .with_config(config)
        .with_default_features()
        .build();
    super::register(&mut state).unwrap();
    SessionContext::new_with_state(state)
}

/// The rows of a query as text.
pub(crate) fn query_in(ctx: &SessionContext, sql: &str) -> Result<Vec<String>, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let state = ctx.state();
        let mut statement = state.sql_to_statement(sql, &Dialect::PostgreSQL)?;
        if let Statement::Statement(inner) = &mut statement {
            super::desugar(inner);
        }
        let plan = state.statement_to_plan(statement).await?;
        let batches = ctx.execute_logical_plan(plan).await?.collect().await?;
        let mut rows = vec![];
        for batch in &batches {
            for row in 0..batch.num_rows() {
                let cells = batch.columns().iter().map(|column| render(column, row));
                rows.push(cells.collect::<Vec<_>>().join(" "));
            }
        }
        Ok(rows)
    })
}

pub(crate) fn query(sql: &str) -> Result<Vec<String>, Error> {
    query_in(&context("UTC"), sql)
}

/// The value of one expression.
pub(crate) fn value(expression: &str) -> String {
    match query(&format!("SELECT {expression}")) {
        Ok(rows) => rows.join(" ; "),
        Err(error) => format!("error {}", error.sqlstate()),
    }
}

/// Checks expressions against their values in PostgreSQL.
pub(crate) fn check(cases: &[(&str, &str)]) {
    let wrong: Vec<_> = cases
        .iter()
        .map(|(expression, expected)| (expression, expected, value(expression)))
        .filter(|(_, expected, found)| found != *expected)
        .collect();
    assert!(
        wrong.is_empty(),
        "(expression, expected, found): {wrong:#?}"
    );
}

/// A cell as the .slt files write it.
fn render(column: &ArrayRef, row: usize) -> String {
    if column.is_null(row) || column.data_type() == &DataType::Null {
        return "NULL".to_string();
    }
    match column.data_type() {
        DataType::Float64 => format!("{:?}", column.as_primitive::<Float64Type>().value(row)),
        DataType::Float32 => format!("{:?}", column.as_primitive::<Float32Type>().value(row)),
        _ => {
            let options = FormatOptions::default()
                .with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.f"))
                .with_timestamp_tz_format(Some("%Y-%m-%d %H:%M:%S%.f%:z"));
            let text = ArrayFormatter::try_new(column, &options)
                .unwrap()
                .value(row)
                .to_string();
            match text.is_empty() {
                true => "(empty)".to_string(),
                false => text,
            }
        }
    }
}

/// A function that stays under an alias comes back under its name when a state is rebuilt.
#[test]
fn replaced_functions_are_gone() {
    let state = context("UTC").state();
    let scalars = state.scalar_functions();
    for (key, function) in scalars {
        let named = &scalars[function.name()];
        assert!(named == function, "{key} is an old {}", function.name());
    }
    let aggregates = state.aggregate_functions();
    for (key, function) in aggregates {
        let named = &aggregates[function.name()];
        assert!(named == function, "{key} is an old {}", function.name());
    }
}

#[test]
fn every_function_is_documented() {
    // DataFusion's wrapper of functions that wait hides their pages.
    let all = super::scalar::all();
    for function in all.iter().filter(|f| f.as_async().is_none()) {
        let page = function.documentation();
        assert!(
            page.is_some_and(|page| !page.description.is_empty()),
            "{} has no documentation",
            function.name()
        );
    }
}

#[test]
fn errors_have_their_sqlstate() {
    check(&[
        ("mod(1, 0)", "error 22012"),
        ("ln(0)", "error 22003"),
        ("date_part('nonsense', DATE '2020-01-01')", "error 22023"),
        ("make_date(2021, 2, 30)", "error 22P02"),
        ("make_timestamp(2021, 2, 30, 0, 0, 0)", "error 22008"),
        ("width_bucket(1, 2, 2, 3)", "error 22023"),
        ("trim_array(ARRAY[1], 2)", "error 22023"),
        ("div('a', 1)", "error 42883"),
        ("format('%1000000000s', 'a')", "error 54000"),
        ("array_fill(1, ARRAY[1000000000])", "error 54000"),
        ("json_typeof('{')", "error 22P02"),
        ("jsonb_array_length('{}')", "error 22023"),
        ("regexp_substr('a', '(')", "error 2201B"),
        ("to_date('2021-02-30', 'YYYY-MM-DD')", "error 22008"),
        ("to_date('x', 'YYYY')", "error 22008"),
        ("to_char(INTERVAL '1 day', 'Day')", "error 22008"),
        ("to_number('x', '99')", "error 22P02"),
        ("get_byte('\\x12'::bytea, 1)", "error 22023"),
        ("single_value(x) FROM (VALUES (1), (2)) t(x)", "error 21000"),
        (
            "percentile_disc(2) WITHIN GROUP (ORDER BY x) FROM (VALUES (1)) t(x)",
            "error 22003",
        ),
    ]);
}

#[test]
fn fields_are_those_of_the_session_zone() {
    let ctx = context("Europe/Berlin");
    let one = |sql: &str| query_in(&ctx, sql).unwrap().join(" ");
    let noon = "TIMESTAMPTZ '2021-07-31 23:30:00+00'";
    assert_eq!(one(&format!("SELECT EXTRACT(HOUR FROM {noon})")), "1");
    assert_eq!(one(&format!("SELECT EXTRACT(DAY FROM {noon})")), "1");
    assert_eq!(
        one(&format!("SELECT EXTRACT(TIMEZONE FROM {noon})")),
        "7200"
    );
    assert_eq!(
        one(&format!(
            "SELECT date_trunc('day', {noon}) AT TIME ZONE 'UTC'"
        )),
        "2021-07-31 22:00:00"
    );
    assert_eq!(one(&format!("SELECT last_day({noon})")), "2021-08-31");
}
