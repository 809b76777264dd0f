import Foundation
import GradusCore
import GradusModels
import GradusTensor
@testable import GradusTrain
import GradusTestSupport
import Testing

@Suite("Pretraining on texts")
struct PretrainingTests {
  private static let nouns = ["cat", "dog", "bird", "fish", "horse", "cow", "pig", "hen"]
  private static let verbs = ["sits", "runs", "flies", "swims"]

  /// A folder with what a fresh encoder needs: a configuration and a vocabulary.
  static func base(_ body: (ModelFolder) throws -> Void) throws {
    let folder = try TemporaryFolder.make()
    let vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "a", "small"] + nouns + verbs
    try (vocabulary.joined(separator: "\n") + "\n").write(toFile: folder + "/vocab.txt", atomically: true, encoding: .utf8)
    let configuration = """
      {"model_type": "bert", "vocab_size": \(vocabulary.count), "hidden_size": 16, "num_hidden_layers": 1,
       "num_attention_heads": 2, "intermediate_size": 64, "max_position_embeddings": 16, "type_vocab_size": 2,
       "hidden_act": "gelu", "layer_norm_eps": 1e-12, "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1}
      """
    try configuration.write(toFile: folder + "/config.json", atomically: true, encoding: .utf8)
    try body(ModelFolder(path: folder))
  }

  /// The noun says the verb, so that there is something to learn.
  static let documents: [Document] = (0..<120).map { number in
    let noun = nouns[number % nouns.count], verb = verbs[number % verbs.count]
    return Document(docno: "d\(number)", text: "the \(number % 3 == 0 ? "small " : "")\(noun) \(verb)")
  } + [Document(docno: "empty", text: "")]

  static func model(_ base: ModelFolder, seed: UInt64 = 1) throws -> MaskedTokenScorer {
    try MaskedTokenScorer(scratch: base, layers: 1, width: 16, heads: 2, maximumTokens: 12, seed: seed)
  }

  static func settings(_ steps: Int, weighting: String = "none") -> MaskedLanguageTraining.Settings {
    var settings = MaskedLanguageTraining.Settings()
    settings.steps = steps
    settings.batch = 16
    settings.stepsPerEpoch = 10
    settings.warmup = 5
    settings.learningRate = 0.01
    settings.heldOut = 20
    settings.weighting = weighting
    return settings
  }

  private func bits(_ model: MaskedTokenScorer) -> [UInt32] { model.parameters.flatMap { $0.value.floats().map(\.bitPattern) } }

  @Test("The loss falls, with and without weights by loss", arguments: ["none", "loss(temperature=1,warmup=5)"])
  func learns(weighting: String) throws {
    try Self.base { base in
      let model = try Self.model(base)
      let training = try MaskedLanguageTraining(
        Self.settings(150, weighting: weighting), model: model, documents: Self.documents)
      #expect(training.emptyTexts == 1)
      let result = try #require(try training.train())
      #expect(result.history.count == 15 && result.heldOut.count == 20)
      // Among 20 tokens a guess costs 3 nats.
      #expect(result.history[0].heldOutLoss > 1.5)
      #expect(result.loss < 0.75 * result.history[0].heldOutLoss, "\(result.history.map(\.heldOutLoss))")
      #expect(result.loss == result.history[14].heldOutLoss)
      #expect(abs(result.perplexity - exp(result.loss)) < 1e-12)
      let share = result.history[14].effectiveShare
      #expect(weighting == "none" ? share == nil : try #require(share) < 0.999)
    }
  }

  @Test("Stopping and resuming gives the bits of never having stopped", arguments: [7, 10, 23])
  func resume(stop: Int) throws {
    try Self.base { base in
      let settings = Self.settings(30, weighting: "loss(warmup=4)")
      let straight = try Self.model(base)
      let expected = try #require(
        try MaskedLanguageTraining(settings, model: straight, documents: Self.documents).train())
      let checkpoint = base.path + "/checkpoint"
      let interrupted = try MaskedLanguageTraining(settings, model: try Self.model(base), documents: Self.documents)
      #expect(try interrupted.train(checkpoint: checkpoint, steps: stop) == nil)
      // Other weights to begin with: all have to come from the checkpoint.
      let model = try Self.model(base, seed: 77)
      let resumed = try MaskedLanguageTraining(settings, model: model, documents: Self.documents)
      let result = try #require(try resumed.train(checkpoint: checkpoint))
      #expect(bits(model) == bits(straight) && result.heldOut.map(\.loss) == expected.heldOut.map(\.loss))
      #expect(result.history.map(\.loss) == expected.history.map(\.loss))
    }
  }

  @Test("Equal seeds give equal bits; held-out texts are the same for every seed")
  func seeds() throws {
    try Self.base { base in
      func trained(_ seed: UInt64) throws -> (MaskedLanguageTraining.Result, [UInt32]) {
        let model = try Self.model(base)
        var settings = Self.settings(12)
        settings.seed = seed
        let result = try MaskedLanguageTraining(settings, model: model, documents: Self.documents).train()
        return (try #require(result), bits(model))
      }
      let first = try trained(1), again = try trained(1), other = try trained(2)
      #expect(first.1 == again.1 && first.1 != other.1)
      #expect(first.0.heldOut.map(\.docno) == other.0.heldOut.map(\.docno))
    }
  }

  @Test("What cannot be meant is refused")
  func refused() throws {
    try Self.base { base in
      let model = try Self.model(base)
      func error(_ change: (inout MaskedLanguageTraining.Settings) -> Void) -> PretrainingError? {
        var settings = Self.settings(10)
        change(&settings)
        do {
          _ = try MaskedLanguageTraining(settings, model: model, documents: Self.documents)
          return nil
        } catch {
          return error as? PretrainingError
        }
      }
      #expect(error { $0.steps = 0 } != nil && error { $0.warmup = 10 } != nil && error { $0.learningRate = .infinity } != nil)
      #expect(error { $0.heldOut = 120 } == .tooFewTexts(found: 120, heldOut: 120))
      #expect(error { $0.weighting = "cet" } == .weighting("cet"))
      #expect(throws: SamplerError.self) { try TextSampler(docnos: [], seed: 1) }
    }
  }
}
