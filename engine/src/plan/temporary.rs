//! Whether a query reads temporary tables or views: a view of such a query is temporary itself.

use datafusion::sql::sqlparser::ast::{self, TableFactor, Visit};

use super::Names;
use super::mentioned::Mentioned;
use super::resolve::{find, reference};

/// Whether a name of the query means a temporary table or view.
pub fn reads_temporary(names: &Names, query: &ast::Query) -> bool {
    let mut mentioned = Mentioned::default();
    let _ = query.visit(&mut mentioned);
    mentioned.relations.iter().any(|relation| {
        let TableFactor::Table { name, .. } = relation else {
            return false;
        };
        let Ok(reference) = reference(name) else {
            return false;
        };
        if reference.schema().is_none() && mentioned.ctes.contains(reference.table()) {
            return false;
        }
        let found = find(names, &reference);
        matches!(found, Ok(Some((name, _))) if names.snapshot.is_temporary(&name.schema))
    })
}
