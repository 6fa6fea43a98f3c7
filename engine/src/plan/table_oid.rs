//! `tableoid` and `xmin`, columns that every relation of PostgreSQL has and no list shows: they are known
//! before the query is planned.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Select, TableFactor, Value, VisitMut, VisitorMut};

use super::postgres::{FixedOids, function_call, own_name};

/// `c.tableoid` and `c.xmin` where `c` is a relation with a fixed OID. Clients ask by `xmin` what has changed
/// since they looked: anything may have.
pub(super) fn table_oids(select: &mut Select, oids: FixedOids<'_>) {
    let mut known: HashMap<String, u32> = HashMap::new();
    for from in &select.from {
        let joined = from.joins.iter().map(|j| &j.relation);
        for factor in std::iter::once(&from.relation).chain(joined) {
            if let TableFactor::Table {
                name,
                args: None,
                alias,
                ..
            } = factor
                && let Some(table) = own_name(name)
                && let Some(oid) = oids(&table)
            {
                let called = alias.as_ref().map(|a| a.name.value.to_lowercase());
                known.insert(called.unwrap_or(table), oid);
            }
        }
    }
    if !known.is_empty() {
        let _ = select.visit(&mut TableOids { known });
    }
}

struct TableOids {
    known: HashMap<String, u32>,
}

impl VisitorMut for TableOids {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::CompoundIdentifier(parts) = expr
            && let [.., table, column] = parts.as_slice()
            && let Some(oid) = self.known.get(&table.value.to_lowercase())
        {
            if column.value.eq_ignore_ascii_case("tableoid") {
                let number = Expr::Value(Value::Number(oid.to_string(), false).into());
                *expr = function_call("oid", vec![number]);
            } else if column.value.eq_ignore_ascii_case("xmin") {
                *expr = function_call("txid_current", Vec::new());
            }
        }
        ControlFlow::Continue(())
    }
}
