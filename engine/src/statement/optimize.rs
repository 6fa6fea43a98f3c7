//! `OPTIMIZE t [CLUSTERED BY (k, …) [INTO n CHUNKS]]`: few large files of a table's many small ones;
//! a clustered table is sorted by its key again. Its rows are the same, and older versions stay.

use datafusion::sql::sqlparser::ast::ObjectName as SqlName;

use super::cursor::Cursor;
use super::rewrite::{self, Rewrite};
use super::{Context, Notice, Outcome, create_table_as, writing};
use crate::error::Result;
use crate::plan::Need;
use crate::table::{Layout, TableVersion};

/// Files smaller than this are put together.
const SMALL_BYTES: u64 = 64 << 20;

#[derive(Debug, Clone)]
pub(crate) struct Optimize {
    table: SqlName,
    layout: Option<Layout>,
}

pub(super) fn parse(c: &mut Cursor) -> Result<Optimize> {
    c.expect(&["optimize"])?;
    c.take(&["table"]);
    let table = c.name()?;
    let layout = match c.take(&["clustered"]) || c.take(&["cluster"]) {
        true => {
            let mut layout = Layout::default();
            create_table_as::clustered_by(c, &mut layout)?;
            Some(layout)
        }
        false => None,
    };
    Ok(Optimize { table, layout })
}

impl Optimize {
    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        let target = writing::target(ctx, &self.table, "optimize", &[Need::Owner])?;
        let done = rewrite::rewrite(ctx, &target, |base| match &self.layout {
            Some(layout) => clustered(base, layout).map(Some),
            None => compacted(base),
        });
        let outcome = Outcome::done("OPTIMIZE");
        Ok(match done.await? {
            None => outcome.with(Notice::info("nothing to do: the files are large enough")),
            Some(done) => outcome.with(Notice::info(format!(
                "{} files written anew as {}",
                done.files_before, done.files_after
            ))),
        })
    }
}

/// The table sorted by a new key.
pub(super) fn clustered(base: &TableVersion, wanted: &Layout) -> Result<Rewrite> {
    let layout = Layout {
        clustered_by: wanted.clustered_by.clone(),
        chunks: wanted.chunks,
        ..base.layout()?
    };
    create_table_as::check_layout(&layout, base.schema())?;
    rewrite::whole(base, layout, "CLUSTER BY")
}

/// The small files put together; for a clustered table all files, when their keys overlap.
fn compacted(base: &TableVersion) -> Result<Option<Rewrite>> {
    let layout = base.layout()?;
    let files = match layout.clustered_by.is_empty() {
        true => base.small_files(SMALL_BYTES)?,
        false if base.divisions()?.is_some() => Vec::new(),
        false => (0..base.file_count()?).collect(),
    };
    if files.len() < 2 {
        return Ok(None);
    }
    Ok(Some(Rewrite {
        files,
        ..rewrite::whole(base, layout, "OPTIMIZE")?
    }))
}
