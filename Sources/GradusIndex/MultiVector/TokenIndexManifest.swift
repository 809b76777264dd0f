/// What the folder of a late-interaction index holds. First line: `gradus-tokens VERSION CRC32C BYTES`.
struct TokenIndexManifest: Equatable, FolderManifest {
  static let magic = "gradus-tokens"

  let generation: Int
  let configuration: TokenIndexConfiguration
  let file: IndexManifest.File
  let documents: Int
  let tokens: Int
  let centroids: Int
  /// Nil where texts are not stored.
  var documentsFile: IndexManifest.File?
  /// Metadata by column; nil where the index has no columns.
  var columnsFile: IndexManifest.File?

  var fileNames: [String] { [file.name] + [documentsFile, columnsFile].compactMap { $0?.name } }

  var isSound: Bool {
    (0...Int(Int32.max)).contains(documents) && (0...Int(UInt32.max)).contains(tokens)
      && (0...1 << 20).contains(centroids) && (try? configuration.validate()) != nil
  }
}
