//! The functions of the engine with their OIDs: what `pg_proc` and `::regproc` know.

use std::collections::{BTreeMap, HashMap};

use datafusion::execution::SessionState;
use datafusion::logical_expr::Documentation;

use super::objects::Derived;
use crate::sql::pg_type;

/// One function; the overloads of a name are one.
#[derive(Debug, Clone)]
pub(super) struct Function {
    pub oid: u32,
    pub name: String,
    /// `prokind`: `f`unction, `a`ggregate, `w`indow.
    pub kind: char,
    pub is_set: bool,
    pub arguments: String,
}

/// Every function that there is when the engine starts.
#[derive(Debug, Default)]
pub struct Functions {
    pub(super) all: Vec<Function>,
    by_oid: HashMap<u32, usize>,
    by_name: HashMap<String, usize>,
}

impl Functions {
    pub fn of(state: &SessionState) -> Self {
        let mut found: BTreeMap<String, (char, bool, String)> = BTreeMap::new();
        let mut add = |name: &str, kind, set, doc: Option<&Documentation>| {
            let arguments = doc
                .map(|d| arguments(&d.syntax_example))
                .unwrap_or_default();
            found
                .entry(name.to_string())
                .or_insert((kind, set, arguments));
        };
        for (name, f) in state.scalar_functions() {
            add(name, 'f', false, f.documentation());
        }
        for (name, f) in state.aggregate_functions() {
            add(name, 'a', false, f.documentation());
        }
        for (name, f) in state.window_functions() {
            add(name, 'w', false, f.documentation());
        }
        for name in state.table_functions().keys() {
            add(name, 'f', true, None);
        }
        let mut functions = Self::default();
        for found in pg_type::all() {
            for (name, oid) in found.functions.iter().flatten() {
                functions.add(*oid, name, 'f', false, String::new());
            }
        }
        let mut derived = Derived::default();
        for (name, (kind, set, arguments)) in found {
            let oid = match known_oid(&name) {
                Some(oid) => oid,
                None => derived.next("function", "", &name),
            };
            functions.add(oid, &name, kind, set, arguments);
        }
        functions
    }

    fn add(&mut self, oid: u32, name: &str, kind: char, is_set: bool, arguments: String) {
        if self.by_name.contains_key(name) {
            return;
        }
        self.by_oid.insert(oid, self.all.len());
        self.by_name.insert(name.to_string(), self.all.len());
        self.all.push(Function {
            oid,
            name: name.to_string(),
            kind,
            is_set,
            arguments,
        });
    }

    pub(super) fn by_oid(&self, oid: u32) -> Option<&Function> {
        self.all.get(*self.by_oid.get(&oid)?)
    }

    pub(super) fn by_name(&self, name: &str) -> Option<&Function> {
        self.all.get(*self.by_name.get(name)?)
    }
}

/// OIDs that clients are known to have written down.
fn known_oid(name: &str) -> Option<u32> {
    match name {
        "now" => Some(1299),
        "version" => Some(89),
        "format_type" => Some(1081),
        _ => None,
    }
}

/// `lower(text)` → `text`.
fn arguments(syntax: &str) -> String {
    let inner = syntax
        .split_once('(')
        .and_then(|(_, rest)| rest.rsplit_once(')'));
    inner.map_or_else(String::new, |(inner, _)| inner.trim().to_string())
}
