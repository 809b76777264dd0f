#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import GradusCore
import GradusEval
import GradusIndex
import GradusModels
import GradusTensor
import GradusTrain

/// Everything that a training is asked to do. Equal settings and equal data give a model of equal bits.
///
///     var settings = TrainingSettings()              // a cross-encoder from MiniLM, on the FAQ collection
///     settings.curriculum = "kde"
///     try settings.set("curriculum-end", to: "10")   // the same names on the command line and in recipes
///
/// The defaults of each architecture work on a few hundred judged questions on two processor cores.
public struct TrainingSettings: Sendable, Equatable {
  /// How the learning rates change over the steps.
  public enum Schedule: String, Sendable, CaseIterable {
    /// As they are, after the warm-up.
    case constant
    /// On a straight line to 0 at the last step of the last epoch.
    case linear
  }

  /// Model that training starts from, by the catalogue's name or a folder's path.
  public var model = "minilm-l6"
  /// Collection by name or path. Queries of `train` are trained on, those of `dev` choose; `test` is never touched.
  public var data = "faq"
  public var architecture: ModelManifest.Architecture
  /// Cross-encoders only. The similarity head starts a sentence encoder off as a ranker; a fresh `cls` head learns next to
  /// nothing from a few hundred queries.
  public var head = CrossEncoderHead.similarity
  /// First stage whose candidates are trained on.
  public var firstStage = BM25()
  /// Candidates a query that samples are drawn from.
  public var depth = 100
  /// A name of ``LossNames``.
  public var loss = "pairwise-cross-entropy"
  public var sampling = TrainingSample.Form.pairwise
  /// Negatives of a pairwise sample.
  public var negatives = 1
  /// Documents of a listwise sample.
  public var listSize = 8
  /// A sentence encoder, by name or folder, that losses with a guide ask which documents are no negatives; empty for none.
  public var guide = ""
  /// A run file whose scores replace the judgements as labels, for the losses of distillation; empty for none.
  public var teacher = ""
  /// Lowest grade that counts as positive.
  public var positiveGrade = 1
  /// `none`, or a heuristic of ``CurriculumNames``.
  public var curriculum = "none"
  /// First epoch without weights; nil for a curriculum that never fades.
  public var curriculumEnd: Int? = 20
  /// Hard samples first: the control.
  public var isAnti = false
  /// A granularity of ``CurriculumNames``: `sample`, `group:N` or `batch`.
  public var curriculumWeighting = "sample"
  /// Weightings of ``WeightingNames`` beside the curriculum, separated by `*`; `none` for none.
  public var weighting = "none"
  /// An epoch is what ends in a validation, not a pass over the data.
  public var samplesPerEpoch = 64
  public var epochs = 15
  /// Epochs without a better validation after which training ends.
  public var patience = 5
  /// Samples of an optimizer step.
  public var batch = 8
  /// Samples that go through the model at once; nil for whole batches.
  public var microBatch: Int?
  /// Samples that a bi-encoder encodes and differentiates at once while its loss sees the whole batch
  /// (``TrainerOptions/gradientCacheSize``); nil for whole batches.
  public var gradientCache: Int?
  /// Whether an encoder keeps one activation a layer and computes the rest again in the backward pass: less memory,
  /// about a third more time, the same bits (with exits, but for rounding).
  public var checkpointsActivations = false
  /// Of a cross- or bi-encoder's encoder.
  public var encoderLearningRate = 3e-5
  /// Of what stands on top of an encoder, of a position model, and of all of Conv-KNRM.
  public var headLearningRate = 1e-3
  public var schedule = Schedule.linear
  /// Optimizer steps over which the learning rates rise from 0.
  public var warmup = 20
  /// Largest global norm of the gradient; nil for no clipping.
  public var gradientClipping: Double? = 1
  /// Last layers of the encoder that are trained; nil for all. The embedding tables never are: a few hundred questions
  /// would move only the words that occur in them, away from all others.
  public var layers: Int?
  /// Of the matrix products of an encoder in training. Weights and their updates are fp32 in any case.
  public var precision = ProductPrecision.fp32
  /// Tokens of a pair that a cross-encoder reads, or of a text that a bi-encoder reads, specials included.
  public var maximumTokens = 256
  /// Tokens of a query that a cross-encoder reads.
  public var maximumQueryTokens = 64
  /// First layers of the base model that a cross-encoder keeps; nil for all. A small one can go before a large one.
  public var encoderLayers: Int?
  /// First layer in which a cross-encoder's query and document attend to each other (``CrossEncoder/joined(at:)``).
  public var joinLayer = 0
  /// Layers of a cross-encoder after which candidates can leave (``CrossEncoder/withExits(at:seed:)``): their heads are trained
  /// together with the last one. Empty for none.
  public var exits: [Int] = []
  /// What an exit's loss counts beside the last layer's. A weight of 1 for all is what joint training usually takes.
  public var exitWeight = 1.0
  /// What the development queries are measured with; `nDCG@10` and its like.
  public var devMeasure = "nDCG@10"
  /// First-stage candidates of a development query that are re-ranked.
  public var devDepth = 20
  /// Development queries that are used, taken evenly from all; nil for all of them.
  public var devQueries: Int? = 100
  /// Whether the weight of the first stage's score is tuned on the development queries at the end.
  public var tunesFirstStageWeight = true
  /// Of everything random: first weights, samples, dropout.
  public var seed: UInt64 = 1

  /// The defaults of an architecture. Those of Conv-KNRM are the official code's of MacAvaney et al. (SIGIR 2020), but for
  /// `epochs`, which has no limit there.
  public init(architecture: ModelManifest.Architecture = .crossEncoder) {
    self.architecture = architecture
    if architecture == .biEncoder {
      // The negatives of the batch are what teaches: larger batches, and a step for each of a few hundred questions.
      loss = "infonce(temperature=0.05)"
      samplesPerEpoch = 256
      epochs = 10
      batch = 32
      encoderLearningRate = 2e-5
      warmup = 8
    }
    guard architecture == .convKNRM else { return }
    loss = "pairwise-softmax"
    samplesPerEpoch = 512
    epochs = 60
    patience = 20
    batch = 16
    schedule = .constant
    warmup = 0
    gradientClipping = nil
  }

  /// The names of all settings, as command lines and recipes have them.
  public static let names = SettingAccess.all.map(\.name)

  /// All settings as text, by name and in the order of ``names``.
  public var values: [(name: String, value: String)] { SettingAccess.all.map { ($0.name, $0.get(self)) } }

  /// Sets one setting from text.
  ///
  /// - Throws: ``SettingError``, which names the nearest setting or value where there is none of this name.
  public mutating func set(_ name: String, to text: String) throws {
    guard let access = SettingAccess.all.first(where: { $0.name == name }) else {
      throw SettingError.unknown(name, nearest: Spelling.nearest(to: name, among: Self.names))
    }
    try access.set(&self, text)
  }
}

extension TrainingSettings: Codable {
  /// An object of strings, by the names of ``names``.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(Dictionary(uniqueKeysWithValues: values.map { ($0.name, $0.value) }))
  }

  /// Settings that are left out have the defaults of the architecture.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.singleValueContainer().decode([String: String].self)
    try self.init(values: values.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
  }

  /// The defaults of the architecture that `values` names, changed by `values`.
  public init(values: [(name: String, value: String)]) throws {
    var first = TrainingSettings()
    if let architecture = values.last(where: { $0.name == "architecture" }) {
      try first.set("architecture", to: architecture.value)
    }
    self.init(architecture: first.architecture)
    for (name, value) in values { try set(name, to: value) }
  }
}
