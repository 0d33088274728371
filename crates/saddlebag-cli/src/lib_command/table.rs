//! Text in columns.

use std::io::{self, Write};

/// Rows of cells; every column but the last is as wide as its widest cell.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn row<Cell: Into<String>>(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// Writes the rows with two spaces between columns and none at the end of a line.
    pub(super) fn write(&self, output: &mut impl Write) -> io::Result<()> {
        let width = |text: &str| text.chars().count();
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let mut widths = vec![0; columns];
        for row in &self.rows {
            for (cell, column) in row.iter().zip(&mut widths) {
                *column = width(cell).max(*column);
            }
        }
        for row in &self.rows {
            let mut line = String::new();
            for (cell, column) in row.iter().zip(&widths) {
                line.push_str(cell);
                line.extend(std::iter::repeat_n(' ', column - width(cell) + 2));
            }
            writeln!(output, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_lines_have_no_blanks_at_their_end() {
        let mut table = Table::default();
        table.row(["a", "1", ""]);
        table.row(["long", "2", "x"]);
        let mut text = Vec::new();
        table.write(&mut text).expect("a vector takes all");
        assert_eq!(
            String::from_utf8(text).expect("text"),
            "a     1\nlong  2  x\n"
        );
    }
}
