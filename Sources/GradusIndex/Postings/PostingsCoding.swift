/// How numbers of blocks are coded: of postings, and of frequencies by field. Blocks say it themselves; manifests do for programs
/// that know only blocks as wide as their widest number.
enum PostingsCoding: String, Codable, Sendable {
  /// Some blocks are narrower than their widest number, or have a width for each 16 numbers.
  case compact

  /// - Parameter head: Of some numbers of a block.
  static func isCompact(head: UInt8) -> Bool { head > UInt32.bitWidth }
}
