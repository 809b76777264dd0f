/// How an index packs titles, texts and metadata.
public enum StoredFieldCompression: String, Sendable, Codable, CaseIterable {
  /// Zstandard in blocks of some documents: a quarter to half of the bytes, and some tens of microseconds to read a document.
  case zstd
}
