/// A piece of a manual page in reading order, with white space squeezed to single blanks.
enum DocumentBlock: Equatable {
  /// Level 1 is the page's title.
  case heading(level: Int, text: String)
  /// What a definition list defines: a function's signature, an option.
  case term(String)
  /// A paragraph, list item or table row.
  case prose(String)
  case code(String)
}
