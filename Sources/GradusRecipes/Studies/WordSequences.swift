import GradusCore
import GradusData
import GradusFormats

/// Passages as numbers of words, most frequent first: 1 is the most frequent word, 0 every word outside the vocabulary.
struct WordSequences: Sendable {
  /// The place of a word that is to be predicted.
  struct Position: Sendable {
    /// Numbers of the words before it, 0 before the beginning.
    let context: [Int]
    let word: Int
  }

  struct Passage: Sendable {
    let docno: String
    let positions: [Position]
  }

  let training: [Position]
  let development: [Passage]
  let test: [Passage]

  /// Every `spacing`-th word of a passage that is measured on is predicted, at most `mostMeasured`.
  private static let spacing = 5
  private static let mostMeasured = 12

  /// - Parameters:
  ///   - count: Passages, taken evenly from the collection; a tenth of them chooses, another is tested on.
  ///   - vocabulary: Words that are told apart, unknown ones included.
  ///   - context: Words before each one that are read.
  /// - Throws: ``StudyError/missingData(study:what:searched:)`` for a collection with too few passages or words.
  init(collection: String, passages count: Int, vocabulary: Int, context: Int, home: DataHome) throws {
    let corpus = try CollectionCatalog(home: home).locate(collection).corpus
    var all: [(docno: String, text: String)] = []
    try CorpusReader(path: corpus).forEach { all.append(($0.docno, $0.contents)) }
    let taken = min(count, all.count)
    let passages = (0..<taken).map { all[$0 * all.count / taken] }
    let words = passages.map { Self.words(of: $0.text) }
    var counts: [String: Int] = [:]
    for (number, own) in words.enumerated() where number % 10 > 1 { for word in own { counts[word, default: 0] += 1 } }
    let known = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(vocabulary - 1)
    guard taken >= 20, known.count == vocabulary - 1 else {
      let what = "20 passages and \(vocabulary) words (there are \(taken) and \(counts.count))"
      throw StudyError.missingData(study: WordPredictionStudy.name, what: what, searched: [corpus])
    }
    let numbers = Dictionary(uniqueKeysWithValues: known.enumerated().map { ($1.key, $0 + 1) })
    var training: [Position] = []
    var development: [Passage] = []
    var test: [Passage] = []
    for (number, own) in words.enumerated() {
      let sequence = [Int](repeating: 0, count: context) + own.map { numbers[$0] ?? 0 }
      let positions = (context..<max(context, sequence.count)).filter { sequence[$0] > 0 }.map {
        Position(context: Array(sequence[$0 - context..<$0]), word: sequence[$0])
      }
      guard number % 10 <= 1 else {
        training += positions
        continue
      }
      let measured = positions.enumerated().filter { $0.offset % Self.spacing == 0 }.prefix(Self.mostMeasured).map(\.element)
      guard !measured.isEmpty else { continue }
      let passage = Passage(docno: passages[number].docno, positions: measured)
      if number % 10 == 0 { test.append(passage) } else { development.append(passage) }
    }
    self.training = training
    self.development = development
    self.test = test
  }

  /// Runs of ASCII letters, digits and underscores, in lower case.
  static func words(of text: String) -> [String] {
    var words: [String] = []
    var word: [UInt8] = []
    func isPart(_ byte: UInt8) -> Bool {
      (97...122).contains(byte) || (48...57).contains(byte) || byte == 95
    }
    for byte in text.utf8 {
      let lower = (65...90).contains(byte) ? byte + 32 : byte
      if isPart(lower) {
        word.append(lower)
      } else if !word.isEmpty {
        words.append(String(decoding: word, as: UTF8.self))
        word = []
      }
    }
    if !word.isEmpty { words.append(String(decoding: word, as: UTF8.self)) }
    return words
  }
}
