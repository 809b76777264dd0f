import CStemmer

/// A Snowball stemmer. Not for more than one thread at a time.
///
///     let stemmer = try Stemmer(language: "english")
///     stemmer.stem("running")   // "run"
public final class Stemmer {
  /// The algorithms that the library offers, in byte order.
  public static let languages: [String] = {
    var names: [String] = []
    guard var entry = sb_stemmer_list() else { return [] }
    while let name = entry.pointee {
      names.append(String(cString: name))
      entry += 1
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }()

  public let language: String
  private let handle: OpaquePointer

  /// - Throws: ``AnalyzerError/unknownLanguage(_:)``.
  public init(language: String) throws(AnalyzerError) {
    guard Self.languages.contains(language), let handle = sb_stemmer_new(language, "UTF_8") else {
      throw .unknownLanguage(language)
    }
    self.language = language
    self.handle = handle
  }

  deinit { sb_stemmer_delete(handle) }

  /// The stem of a word in lower case.
  public func stem(_ word: String) -> String {
    var word = word
    return word.withUTF8 { String(decoding: stem($0), as: UTF8.self) }
  }

  /// The stem's bytes, valid until the next call. Where the library runs out of memory, the word itself.
  func stem(_ word: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8> {
    guard let base = word.baseAddress, let stem = sb_stemmer_stem(handle, base, Int32(clamping: word.count)) else { return word }
    return UnsafeBufferPointer(start: stem, count: Int(sb_stemmer_length(handle)))
  }
}
