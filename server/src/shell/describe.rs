//! The meta-commands that look into the catalog, as statements over the `system` tables.

use quern_engine::sql::quote_literal;

use super::meta::Meta;

/// The statements that answer a meta-command; empty when it is none that looks into the catalog.
pub fn statements(meta: &Meta, catalog: &str) -> Vec<String> {
    let pattern = |pattern: &Option<String>| pattern.as_deref().map(Pattern::parse);
    match meta {
        Meta::Describe {
            name: Some(name),
            verbose,
        } if !is_pattern(name) => one(name, *verbose),
        Meta::Describe { name, verbose } => vec![relations(pattern(name), "", *verbose)],
        Meta::Tables(name) => vec![relations(pattern(name), "table_type <> 'view'", true)],
        Meta::Views(name) => vec![relations(pattern(name), "table_type = 'view'", false)],
        Meta::Functions(name) => vec![functions(pattern(name))],
        Meta::Schemas(name) => vec![schemas(pattern(name))],
        Meta::Databases => vec![format!("SELECT {} AS catalog", quote_literal(catalog))],
        _ => Vec::new(),
    }
}

/// One relation. What has a dot in its last part and a slash or a known ending is a file.
fn one(name: &str, verbose: bool) -> Vec<String> {
    if name.contains('/') {
        return vec![format!("DESCRIBE SELECT * FROM {}", quote_literal(name))];
    }
    let mut statements = vec![format!("DESCRIBE {name}")];
    if verbose {
        statements.push(format!("SHOW CREATE TABLE {name}"));
    }
    statements
}

fn relations(pattern: Option<Pattern>, condition: &str, verbose: bool) -> String {
    let details = if verbose {
        ", format, \"rows\", location"
    } else {
        ""
    };
    let mut conditions = vec![match &pattern {
        // Tables of the system are shown when they are asked for.
        Some(Pattern {
            schema: Some(_), ..
        }) => "true".to_string(),
        _ => "table_type <> 'system'".to_string(),
    }];
    if !condition.is_empty() {
        conditions.push(condition.to_string());
    }
    if let Some(pattern) = &pattern {
        conditions.extend(pattern.conditions(Some("table_schema"), "table_name"));
    }
    format!(
        "SELECT table_schema AS \"schema\", table_name AS name, table_type AS type{details} \
         FROM system.tables WHERE {} ORDER BY table_schema, table_name",
        conditions.join(" AND ")
    )
}

fn functions(pattern: Option<Pattern>) -> String {
    let conditions = pattern.map(|p| p.conditions(None, "function_name"));
    format!(
        "SELECT function_name AS name, kind, syntax FROM system.functions WHERE {} \
         ORDER BY function_name, kind",
        conditions.map_or("true".to_string(), |c| c.join(" AND "))
    )
}

fn schemas(pattern: Option<Pattern>) -> String {
    let conditions = pattern.map(|p| p.conditions(None, "schema_name"));
    format!(
        "SELECT schema_name AS name, relations FROM system.schemas WHERE {} ORDER BY schema_name",
        conditions.map_or("true".to_string(), |c| c.join(" AND "))
    )
}

fn is_pattern(name: &str) -> bool {
    name.contains(['*', '?']) && !name.contains(['"', '/'])
}

/// `schema.name`, where `*` stands for any text and `?` for any character.
struct Pattern {
    schema: Option<String>,
    name: String,
}

impl Pattern {
    fn parse(text: &str) -> Self {
        let (schema, name) = match text.split_once('.') {
            Some((schema, name)) => (Some(schema.to_string()), name),
            None => (None, text),
        };
        Self {
            schema,
            name: name.to_string(),
        }
    }

    fn conditions(&self, schema_column: Option<&str>, name_column: &str) -> Vec<String> {
        let schema = self.schema.as_ref().zip(schema_column);
        schema
            .map(|(schema, column)| like(column, schema))
            .into_iter()
            .chain([like(name_column, &self.name)])
            .collect()
    }
}

fn like(column: &str, pattern: &str) -> String {
    let mut sql = String::new();
    for c in pattern.trim_matches('"').to_lowercase().chars() {
        match c {
            '*' => sql.push('%'),
            '?' => sql.push('_'),
            '%' | '_' | '\\' => sql.extend(['\\', c]),
            c => sql.push(c),
        }
    }
    format!("lower({column}) LIKE {}", quote_literal(&sql))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_become_like() {
        assert_eq!(like("n", "my_t*"), "lower(n) LIKE 'my\\_t%'");
        let sql = relations(Some(Pattern::parse("system.c?")), "", false);
        assert!(
            sql.contains("WHERE true AND lower(table_schema) LIKE 'system'"),
            "{sql}"
        );
        assert!(sql.contains("lower(table_name) LIKE 'c_'"), "{sql}");
    }

    #[test]
    fn a_name_is_described_and_a_pattern_listed() {
        let describe = |name: &str, verbose| {
            let name = Some(name.to_string());
            statements(&Meta::Describe { name, verbose }, "quern")
        };
        assert_eq!(
            describe("s.t", true),
            ["DESCRIBE s.t", "SHOW CREATE TABLE s.t"]
        );
        assert_eq!(
            describe("data/a*.csv", false),
            ["DESCRIBE SELECT * FROM 'data/a*.csv'"]
        );
        assert!(describe("t*", false)[0].starts_with("SELECT"));
    }
}
