//! `pg_get_keywords()`: the words of SQL, and which of them are reserved.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, StringArray};
use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::Result;
use datafusion::datasource::MemTable;
use datafusion::sql::sqlparser::keywords::{
    ALL_KEYWORDS, ALL_KEYWORDS_INDEX, RESERVED_FOR_COLUMN_ALIAS, RESERVED_FOR_TABLE_ALIAS,
};

#[derive(Debug)]
pub(super) struct Keywords;

impl TableFunctionImpl for Keywords {
    fn call_with_args(&self, _: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let reserved: Vec<bool> = ALL_KEYWORDS_INDEX
            .iter()
            .map(|k| RESERVED_FOR_COLUMN_ALIAS.contains(k) || RESERVED_FOR_TABLE_ALIAS.contains(k))
            .collect();
        let text = |of: fn(bool) -> &'static str| -> ArrayRef {
            Arc::new(
                reserved
                    .iter()
                    .map(|r| Some(of(*r)))
                    .collect::<StringArray>(),
            )
        };
        let words = ALL_KEYWORDS
            .iter()
            .map(|word| Some(word.to_ascii_lowercase()));
        let bare: BooleanArray = reserved.iter().map(|r| Some(!r)).collect();
        let columns: [(&str, ArrayRef); 5] = [
            ("word", Arc::new(words.collect::<StringArray>())),
            ("catcode", text(|r| if r { "R" } else { "U" })),
            ("barelabel", Arc::new(bare)),
            (
                "catdesc",
                text(|r| if r { "reserved" } else { "unreserved" }),
            ),
            (
                "baredesc",
                text(|r| {
                    if r {
                        "requires AS"
                    } else {
                        "can be bare label"
                    }
                }),
            ),
        ];
        let batch = RecordBatch::try_from_iter(columns)?;
        Ok(Arc::new(MemTable::try_new(
            batch.schema(),
            vec![vec![batch]],
        )?))
    }
}
