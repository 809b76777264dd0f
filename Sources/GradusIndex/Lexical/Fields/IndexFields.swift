import CGradusKernels
import GradusCore

/// The fields of documents that an index keeps apart, so that ``BM25F`` can weigh them.
///
///     let fields = try IndexFields(parsing: "title,text,keywords")
///     let builder = try IndexBuilder(directory: "idx", analyzer: .english, fields: fields)
///
/// Title and text are always fields. Others are attributes of the metadata: their values are indexed after the text, as a part of
/// the document, so that all models find them and a document's length counts them. Without such others the index is, for all
/// other models, the very one that it is without fields.
public struct IndexFields: Sendable, Equatable {
  /// In the order in which the fields of a document are indexed: `title`, `text`, then the others.
  public let names: [String]

  /// Title and text.
  public static let standard = IndexFields(names: ["title", "text"])

  /// As many as an index can have.
  public static let limit = Int(GRD_FIELDS)

  /// The field whose frequencies follow from those of the others and are not stored: the text.
  static let rest = Int(GRD_REST_FIELD)

  private init(names: [String]) { self.names = names }

  /// - Parameter metadata: Names of attributes that are fields beside title and text.
  /// - Throws: ``IndexError/invalidQuery(_:)`` for a name that ``BM25F`` could not be given, one that is listed twice, and too
  ///   many.
  public init(metadata: [String]) throws {
    var names = Self.standard.names
    let count = names.count + metadata.count
    guard count <= Self.limit else {
      throw IndexError.invalidQuery("\(count) fields, title and text included: at most \(Self.limit) are possible")
    }
    for name in metadata {
      guard !name.isEmpty, name.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" || $0 == "-" }), name != "k1", name != "b"
      else {
        throw IndexError.invalidQuery(
          "'\(name)' cannot be a field: expected a name of letters, digits, '-' and '_', other than k1 and b")
      }
      guard !names.contains(name) else { throw IndexError.invalidQuery("field '\(name)' is listed twice") }
      names.append(name)
    }
    self.names = names
  }

  /// Reads names with commas between. `title` and `text` may be left out, and their places do not matter.
  ///
  /// - Throws: As ``init(metadata:)``.
  public init(parsing text: String) throws {
    var listed = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    for name in Self.standard.names {
      if let place = listed.firstIndex(of: name) { listed.remove(at: place) }
    }
    try self.init(metadata: listed)
  }

  /// Attributes of the metadata.
  var metadata: ArraySlice<String> { names.dropFirst(Self.standard.names.count) }

  /// What is indexed of a document: the fields that are not empty, one space between.
  func contents(of document: Document) -> String {
    var bytes: [UInt8] = []
    var ends: [Int] = []
    Self.collect(document, metadata: metadata, into: &bytes, ends: &ends)
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Puts together what is indexed of a document, and where the bytes of each field end.
  static func collect(
    _ document: Document, metadata: ArraySlice<String>, into bytes: inout [UInt8], ends: inout [Int]
  ) {
    bytes.removeAll(keepingCapacity: true)
    ends.removeAll(keepingCapacity: true)
    func append(_ text: String) {
      if !text.isEmpty {
        if !bytes.isEmpty { bytes.append(UInt8(ascii: " ")) }
        bytes.append(contentsOf: text.utf8)
      }
      ends.append(bytes.count)
    }
    append(document.title)
    append(document.text)
    for name in metadata { append(document.metadata[name] ?? "") }
  }

  /// Bytes of what is indexed of a document, the spaces left out.
  static func byteCount(of document: Document, metadata: ArraySlice<String>) -> Int {
    metadata.reduce(document.title.utf8.count + document.text.utf8.count) { $0 + (document.metadata[$1]?.utf8.count ?? 0) }
  }
}
