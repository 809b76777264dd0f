import GradusCore

/// Why a model cannot be loaded or saved.
public enum ModelError: GradusError, Equatable {
  /// A file that the folder should hold is not there.
  case missingFile(folder: String, name: String)
  /// `config.json` is no JSON object with the keys of an encoder.
  case configuration(file: String, reason: String)
  /// The architecture is not one that can be loaded.
  case unsupportedArchitecture(file: String, found: String)
  /// A ColBERT was to make one vector of a text.
  case tokenVectorsOnly(folder: String)
  /// A part of sentence-transformers' that cannot be loaded.
  case unsupportedModule(file: String, found: String)
  /// The weights lack a tensor.
  case missingTensor(file: String, name: String)
  /// The weights hold a tensor of the encoder's layers that the configuration has no place for.
  case unexpectedTensor(file: String, name: String)
  /// A tensor's shape contradicts the configuration.
  case shape(file: String, name: String, expected: [Int], found: [Int])
  /// A tensor holds NaN or infinity.
  case notFinite(file: String, name: String, index: Int)
  /// A weight in memory is NaN or infinite.
  case weightNotFinite(name: String, index: Int)
  /// A token's id or segment has no row in its embedding table.
  case tokenOutOfRange(table: String, value: Int, rows: Int)
  /// The processor lacks a level of the encoder's kernels that was asked for.
  case kernelsUnsupported(level: Int)
  /// The model has no encoder that is fused, and its arithmetic cannot be chosen.
  case precisionUnsupported(precision: NumericPrecision)
  /// The tokenizer can give an id or a segment that the embedding table has no row for.
  case tokenizerMismatch(folder: String, table: String, largest: Int, rows: Int)
  /// The model's folder has no prompt of that name.
  case unknownPrompt(name: String, known: [String])
  /// Inputs may be longer than the model has positions for.
  case positions(asked: Int, limit: Int)
  /// More layers of an encoder are to be kept than there are, or none.
  case layerCount(asked: Int, layers: Int)
  /// Query and document are to meet in a layer that the encoder does not have.
  case joinLayer(asked: Int, layers: Int)
  /// Exits are to stand where no candidate can leave.
  case exitLayers(asked: [Int], layers: Int, joinLayer: Int)
  /// Candidates are to leave a model early that has no exits.
  case noExits
  /// The exits' logits are no probabilities yet.
  case exitsNotCalibrated
  /// Thresholds of early exits that are no probabilities, or overlap.
  case exitThresholds(notRelevant: Double, relevant: Double)
  /// Scores of a document's passages that left a model in different places were to be added.
  case exitsDoNotAdd
  /// A bi-encoder makes one vector of a text and cannot score its windows.
  case windowsOfBiEncoder
  /// A text is longer than the model takes, and the policy is to refuse it.
  case tooLong(docno: String, tokens: Int, limit: Int)
  /// A model folder whose manifest does not fit this version.
  case manifest(file: String, reason: String)
  /// A score is NaN or infinite: the weights have grown beyond what can be computed with.
  case scoreNotFinite(qid: String, docno: String)

  public var failureKind: FailureKind {
    switch self {
    case .missingFile: .missingInput
    case .positions, .joinLayer, .layerCount, .windowsOfBiEncoder, .kernelsUnsupported, .precisionUnsupported,
      .unknownPrompt, .exitLayers, .noExits, .exitsNotCalibrated, .exitThresholds, .exitsDoNotAdd,
      .tokenVectorsOnly:
      .usage
    default: .badData
    }
  }

  public var description: String {
    switch self {
    case .missingFile(let folder, let name):
      "\(folder): no '\(name)'; a model folder holds config.json, tokenizer.json or vocab.txt, and model.safetensors or "
        + "pytorch_model.bin, whole or as shards with their index"
    case .configuration(let file, let reason): "\(file): \(reason)"
    case .unsupportedArchitecture(let file, let found):
      "\(file): model_type '\(found)' cannot be loaded; "
        + EncoderFamily.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ") + " can"
    case .tokenVectorsOnly(let folder):
      "\(folder) is a ColBERT, which makes a vector for every token and none for a text; use it for late interaction: "
        + "'gradus dense --late-interaction', 'gradus rerank --model maxsim:\(folder)'"
    case .unsupportedModule(let file, let found):
      "\(file): part '\(found)' cannot be loaded; Transformer, Pooling, Dense and Normalize can"
    case .missingTensor(let file, let name): "\(file): tensor '\(name)' is missing"
    case .unexpectedTensor(let file, let name):
      "\(file): tensor '\(name)' has no place in the model that config.json describes; take both from the same model"
    case .shape(let file, let name, let expected, let found):
      "\(file): tensor '\(name)' has shape \(found), expected \(expected) by config.json"
    case .notFinite(let file, let name, let index): "\(file): tensor '\(name)' holds a value that is not finite at index \(index)"
    case .weightNotFinite(let name, let index):
      "weight '\(name)' holds a value that is not finite at index \(index); the model is spoilt, load or train it again"
    case .tokenOutOfRange(let table, let value, let rows):
      "a token has \(table) number \(value), the \(table) embeddings have \(rows) rows; take tokenizer and weights from the "
        + "same model"
    case .kernelsUnsupported(let level): "this processor lacks level \(level) of the encoder's kernels; choose a lower one"
    case .unknownPrompt(let name, let known):
      "the model has no prompt '\(name)'; "
        + (known.isEmpty ? "it has none at all" : "it has " + known.map { "'\($0)'" }.joined(separator: ", "))
    case .precisionUnsupported(let precision):
      "this model runs in fp32 alone, \(precision.rawValue) was asked for; leave the precision out"
    case .tokenizerMismatch(let folder, let table, let largest, let rows):
      "\(folder): the tokenizer gives numbers up to \(largest), the \(table) embeddings have \(rows) rows; "
        + "take tokenizer and weights from the same model"
    case .positions(let asked, let limit):
      "inputs of up to \(asked) tokens are asked for, the model takes \(limit); lower the maximum"
    case .layerCount(let asked, let layers):
      "\(asked) layers were to be kept of an encoder with \(layers); give from 1 to \(layers)"
    case .joinLayer(let asked, let layers):
      "query and document were to meet in layer \(asked) of an encoder with \(layers) layers; give a layer from 0 to \(layers)"
    case .exitLayers(let asked, let layers, let joinLayer):
      "exits were asked for after layers \(asked) of an encoder with \(layers); give ascending numbers from "
        + "\(max(1, joinLayer)) to \(layers - 1)" + (joinLayer > 1 ? ": below, query and document have not met" : "")
    case .noExits: "the model has no exits that a candidate could leave by; train it with --exits"
    case .exitsNotCalibrated:
      "the exits' probabilities are not known: the development queries had no relevant candidates; train on data that has some"
    case .exitThresholds(let notRelevant, let relevant):
      "candidates were to leave below a probability of \(notRelevant) and above \(relevant); give numbers from 0 to 1, the first "
        + "not above the second"
    case .exitsDoNotAdd:
      "scores of passages that left the model in different places do not add up; take the best or the first passage of a "
        + "document, or read all to the end"
    case .windowsOfBiEncoder: "a bi-encoder cannot read a text in windows; choose the truncate or error policy"
    case .tooLong(let docno, let tokens, let limit):
      "document \(docno): \(tokens) tokens, the model takes \(limit); choose the truncate or window policy"
    case .manifest(let file, let reason): "\(file): \(reason)"
    case .scoreNotFinite(let qid, let docno):
      "the model gives query \(qid) and document \(docno) a score that is not finite; its weights are spoilt, train it again"
    }
  }
}
