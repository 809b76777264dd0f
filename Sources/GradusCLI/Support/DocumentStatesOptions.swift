import ArgumentParser
import Gradus

/// States of documents below a model's join layer, in a file.
struct DocumentStatesOptions: ParsableArguments {
  @Option(
    name: .customLong("document-states"),
    help: ArgumentHelp(
      "File of the lower layers' results for documents, with a model trained with --join-layer; made where it is missing.",
      valueName: "file"))
  var path: String?

  @Option(
    name: .customLong("state-storage"),
    help: ArgumentHelp("How a new file keeps them: bf16, half as large, or fp32, exact.", valueName: "bf16|fp32"))
  var storage: String?

  func validate() throws {
    if storage != nil, path == nil { throw ValidationError("--state-storage needs --document-states") }
    if let storage, Self.storages[storage] == nil {
      throw ValidationError("--state-storage '\(storage)' is unknown; expected bf16 or fp32")
    }
  }

  private static let storages: [String: PrecomputedDocuments.Storage] = ["bf16": .bf16, "fp32": .fp32]

  /// Says that the model is none that reads states.
  func refuse() throws {
    if path != nil {
      throw UsageError("--document-states needs a model that was trained with --join-layer: there is nothing to share without")
    }
  }

  /// The scorer, reading the file's states; of documents that it lacks they are computed each time.
  func applied(to scorer: any PairScorer, documents: () -> [Document]) throws -> any PairScorer {
    guard let path else { return scorer }
    guard let model = scorer as? CrossEncoder, model.joinLayer > 0 else {
      try refuse()
      return scorer
    }
    if !InputNames.exists(path) {
      let documents = documents()
      let progress = Progress("computing states", total: documents.count, unit: "documents")
      defer { progress.finish() }
      try PrecomputedDocuments.write(
        documents, model: model, storage: storage.flatMap { Self.storages[$0] } ?? .bf16, to: path
      ) { progress.advance(by: $0) }
    }
    return try model.reading(try PrecomputedDocuments(path: path, model: model))
  }
}
