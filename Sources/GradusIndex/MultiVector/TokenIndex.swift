import GradusCore

/// A late-interaction index, opened for reading.
///
///     let index = try TokenIndex(path: "faq.tokens")
///     let result = try index.search(queryTokens, k: 10)
///
/// Mapped, not read; all methods may be called from several threads at once, with the same bits for any number of them.
public final class TokenIndex: Sendable {
  public let path: String
  public let configuration: TokenIndexConfiguration
  public let count: Int
  public let tokenCount: Int
  public let centroidCount: Int
  let file: SectionFile
  let docnos: DocnoTable
  let codec: ResidualCodec
  /// `[centroidCount * dimension]`
  let centroids: [Float]
  let views: Views
  private let documents: DocumentStore?
  private let documentsFile: SectionFile?
  let columnStore: ColumnStore?

  struct Views: @unchecked Sendable {
    // Unchecked: pointers into the read-only mapping, which the index keeps.
    let numbers: UnsafeBufferPointer<UInt32>
    let residuals: UnsafeRawBufferPointer
    let ends: UnsafeBufferPointer<UInt32>
    let listOffsets: UnsafeBufferPointer<UInt64>
    let lists: UnsafeBufferPointer<UInt32>
  }

  /// - Throws: ``IndexError``, `FileError`.
  public init(path: String) throws {
    self.path = path
    let manifest = try TokenIndexManifest.read(folder: path)
    configuration = manifest.configuration
    count = manifest.documents
    tokenCount = manifest.tokens
    centroidCount = manifest.centroids
    let file = try SectionFile(path: path + "/" + manifest.file.name, kind: .tokens, expectedBytes: manifest.file.bytes)
    self.file = file
    try file.verify(where: \.isCheckedOnOpen)
    docnos = try DocnoTable(file, count: count)
    centroids = Array(try file.floats(.tokenCentroids, count: centroidCount * configuration.dimension))
    let codes = 1 << configuration.residualBits
    let levels = Array(try file.floats(.tokenResidualLevels, count: 2 * codes - 1))
    guard let codec = ResidualCodec(bits: configuration.residualBits, dimension: configuration.dimension, levels: levels) else {
      throw IndexError.corrupted(path: file.path, section: Section.tokenResidualLevels.name)
    }
    self.codec = codec
    let ends = try file.numbers(.tokenEnds, as: UInt32.self, count: count + 1)
    let offsets = try file.numbers(.tokenListOffsets, as: UInt64.self, count: centroidCount + 1)
    let residuals = try file.bytes(.tokenResiduals)
    guard residuals.count == tokenCount * configuration.residualBytes, tokenCount == 0 || centroidCount > 0 else {
      throw IndexError.corrupted(path: file.path, section: Section.tokenResiduals.name)
    }
    guard ends[0] == 0, Int(ends[count]) == tokenCount, zip(ends, ends.dropFirst()).allSatisfy(<=) else {
      throw IndexError.corrupted(path: file.path, section: Section.tokenEnds.name)
    }
    let listed = try file.bytes(.tokenLists).count / 4
    guard offsets[0] == 0, offsets[centroidCount] == UInt64(listed), zip(offsets, offsets.dropFirst()).allSatisfy(<=) else {
      throw IndexError.corrupted(path: file.path, section: Section.tokenListOffsets.name)
    }
    documentsFile = try manifest.documentsFile.map {
      let file = try SectionFile(path: path + "/" + $0.name, kind: .documents, expectedBytes: $0.bytes)
      try file.verify(where: \.isCheckedOnOpen)
      return file
    }
    documents = try documentsFile.map { try DocumentStore($0, documents: manifest.documents) }
    columnStore = try manifest.columnsFile.map {
      let file = try SectionFile(path: path + "/" + $0.name, kind: .columns, expectedBytes: $0.bytes)
      try file.verify(where: \.isCheckedOnOpen)
      return try ColumnStore(file, documents: manifest.documents)
    }
    guard configuration.columns == columnStore?.columns else {
      throw IndexError.corrupted(path: path + "/" + IndexManifest.name, section: "the list of columns")
    }
    views = Views(
      numbers: try file.numbers(.tokenCentroidNumbers, as: UInt32.self, count: tokenCount), residuals: residuals, ends: ends,
      listOffsets: offsets, lists: try file.numbers(.tokenLists, as: UInt32.self, count: listed))
  }

  /// Reads every byte and compares all checksums.
  public func verify() throws {
    try file.verify { _ in true }
    try documentsFile?.verify { _ in true }
    try columnStore?.verify()
  }

  /// Whether a folder holds a late-interaction index, of any version.
  public static func isPresent(at path: String) -> Bool { TokenIndexManifest.isPresent(in: path) }

  /// Metadata that the index holds by column.
  public var columns: [MetadataColumn] { configuration.columns ?? [] }

  /// Whether titles and texts lie beside the vectors.
  public var storesDocuments: Bool { documents != nil }

  /// The stored document, or nil where there is none of that name or texts are not stored.
  public func document(docno: String) throws -> Document? {
    guard let documents, let number = try docnos.find(docno) else { return nil }
    return try documents.document(number, docno: docno)
  }

  /// Of a stored document by number.
  func metadata(_ document: Int) throws -> [String: String] { try documents?.document(document, docno: "").metadata ?? [:] }

  /// Token vectors of a document, or nil where there is none of that name. O(log n).
  public func tokenCount(docno: String) throws -> Int? {
    try docnos.find(docno).map { Int(views.ends[$0 + 1] - views.ends[$0]) }
  }

  func damage(_ section: Section) -> IndexError { .corrupted(path: file.path, section: section.name) }
}
