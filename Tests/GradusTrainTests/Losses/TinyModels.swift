import GradusCore
import GradusModels
import GradusTensor
import GradusTestSupport
import GradusText
@testable import GradusTrain

/// Real architectures small enough for thousands of steps: one layer of width 8 over a vocabulary of eleven words.
enum TinyModel: String, CaseIterable, Sendable {
  case crossEncoder
  case biEncoder
  case convKNRM

  static let words = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"]

  static let tokenizer: (any InputTokenizer)? = {
    let pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + words
    let vocabulary = pieces.joined(separator: "\n") + "\n"
    return try? WordPieceTokenizer(vocabulary: TemporaryFolder.makeFile(vocabulary, "vocab.txt"))
  }()

  /// Texts for `TinyCollection`: three words a document, the first of which tells its grade.
  static let texts: InMemoryTexts = {
    var generator = SeededGenerator(seed: 12)
    func word() -> String { words[Int.random(in: 4..<words.count, using: &generator)] }
    let run = TinyCollection.run, qrels = TinyCollection.qrels
    return InMemoryTexts(
      queries: run.rankings.map { Query(qid: $0.qid, text: "\(word()) \(word())") },
      documents: run.rankings.flatMap { ranking in
        ranking.documents.map { document in
          let grade = qrels.grade(qid: ranking.qid, docno: document.docno) ?? 0
          return Document(docno: document.docno, text: "\(words[grade]) \(word()) \(word())")
        }
      })
  }()

  static func encoder(seed: UInt64) -> BertEncoder {
    var generator = SeededGenerator(seed: seed)
    return BertEncoder(
      BertConfiguration(
        vocabularySize: 5 + words.count, hiddenSize: 8, intermediateSize: 12, layerCount: 1, headCount: 2, maximumPositions: 16,
        initializerRange: 0.3),
      using: &generator)
  }

  func scorer(seed: UInt64 = 1) throws -> any PairScorer {
    guard let tokenizer = Self.tokenizer else { throw LossError.emptyBatch }
    switch self {
    case .crossEncoder:
      return CrossEncoder(encoder: Self.encoder(seed: seed), tokenizer: tokenizer, head: .similarity, seed: seed)
    case .biEncoder: return BiEncoder(encoder: Self.encoder(seed: seed), tokenizer: tokenizer)
    case .convKNRM:
      var generator = SeededGenerator(seed: seed)
      var options = ConvKNRM.Options()
      options.filters = 4
      options.maximumGram = 2
      let table = Tensor.normal([5 + Self.words.count, 6], using: &generator)
      return ConvKNRM(embeddings: table, tokenizer: tokenizer, options: options, seed: seed)
    }
  }
}

func bits(_ scorer: any PairScorer) -> [UInt32] { scorer.parameters.flatMap { $0.value.floats().map(\.bitPattern) } }
