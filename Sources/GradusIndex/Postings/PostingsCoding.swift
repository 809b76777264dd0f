/// How posting lists and what leads to them are coded. Sections and blocks say it themselves; manifests do for programs that know
/// only earlier codings.
enum PostingsCoding: String, Codable, Sendable {
  /// Some blocks are narrower than their widest number, or have a width for each 16 numbers.
  case compact
  /// The same, and the dictionary and the skip data are packed: what is written today.
  case packed
}
