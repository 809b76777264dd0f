import GradusTensor

/// The head of transformers' classes `...ForSequenceClassification`, as each ``EncoderFamily`` has it: a pooled vector through
/// a dense layer and an activation, then a linear map to one or two labels.
///
/// One label is the logit itself, without the sigmoid that some programs add. Of two labels the second means relevant, as in
/// models trained on MS MARCO, and the logit is the second's minus the first's: the log-odds of relevance.
struct SequenceClassifier: Module {
  private enum Activation { case tanh, relu, gelu }

  /// What is pooled from the last layer: the first token, or the mean where ModernBERT's configuration says so.
  let pooling: Pooling
  private let dense: Linear
  private let activation: Activation
  /// ModernBERT only.
  private let norm: EncoderNorm?
  private let output: Linear
  /// Names on disk of dense layer, norm and output; the first is behind the encoder's prefix in BERT.
  private let names: [String]

  var labelCount: Int { output.weight.shape[0] }

  var parameters: [Parameter] { dense.parameters + (norm?.parameters ?? []) + output.parameters }

  /// - Throws: ``ModelError`` that names the tensor, or says that there are more than two labels.
  init(folder: ModelFolder, configuration: BertConfiguration) throws {
    let file = try folder.file(ModelFolder.configurationName)
    let settings = try folder.classifierSettings()
    let source = try WeightSource(path: try folder.file(ModelFolder.weightsName))
    let encoderPrefix = try source.encoder(configuration.family.tensorNames).prefix
    names = Self.names(configuration.family, encoderPrefix: encoderPrefix)
    let width = configuration.hiddenSize
    let isModern = configuration.family == .modernbert
    activation =
      switch configuration.family {
      case .bert, .roberta, .xlmRoberta, .mpnet: .tanh
      case .distilbert: .relu
      case .electra, .modernbert: .gelu
      }
    if isModern, let name = settings.classifier_activation, name != "gelu" {
      throw ModelError.configuration(file: file, reason: "classifier_activation is '\(name)'; 'gelu' is supported")
    }
    guard let pooling = Pooling(rawValue: isModern ? settings.classifier_pooling ?? "cls" : "cls"),
      pooling == .cls || pooling == .mean
    else {
      throw ModelError.configuration(
        file: file, reason: "classifier_pooling is '\(settings.classifier_pooling ?? "")'; 'cls' and 'mean' are supported")
    }
    self.pooling = pooling
    let outputName = names[names.count - 1]
    guard let labels = source.shape(outputName + ".weight")?.first else {
      throw ModelError.missingTensor(file: source.path, name: outputName + ".weight")
    }
    guard labels == 1 || labels == 2 else {
      throw ModelError.configuration(
        file: file, reason: "the classifier has \(labels) labels; a ranker has one, or two of which the second means relevant")
    }
    if let named = settings.id2label?.count, named != labels {
      throw ModelError.shape(
        file: source.path, name: outputName + ".weight", expected: [named, width], found: [labels, width])
    }
    dense = try source.linear(
      names[0], as: "pooler.dense", inputs: width, outputs: width, hasBias: !isModern || settings.classifier_bias ?? false)
    norm = try isModern
      ? source.norm(names[1], as: "pooler.norm", width: width, epsilon: configuration.layerNormEpsilon, hasBias: false) : nil
    output = try source.linear(outputName, as: "classifier", inputs: width, outputs: labels)
  }

  private static func names(_ family: EncoderFamily, encoderPrefix: String) -> [String] {
    switch family {
    case .bert: [encoderPrefix + "pooler.dense", "classifier"]
    case .roberta, .xlmRoberta, .mpnet, .electra: ["classifier.dense", "classifier.out_proj"]
    case .distilbert: ["pre_classifier", "classifier"]
    case .modernbert: ["head.dense", "head.norm", "classifier"]
    }
  }

  /// One logit for each pooled vector, `[sequences, hidden]` to `[sequences]`.
  func logits(_ pooled: Tensor, _ dropout: Dropout, _ context: ForwardContext) -> Tensor {
    let projected = dense(pooled)
    var hidden =
      switch activation {
      case .tanh: projected.tanh()
      case .relu: projected.relu()
      case .gelu: projected.gelu()
      }
    if let norm { hidden = norm(hidden) }
    let logits = output(dropout(hidden, context))
    guard labelCount == 2 else { return logits.squeezed(-1) }
    return logits.slice(axis: 1, from: 1, to: 2).squeezed(-1) - logits.slice(axis: 1, from: 0, to: 1).squeezed(-1)
  }

  /// The weights under transformers' names, behind the prefix that its classes with a head use.
  func exportedWeights(_ family: EncoderFamily) -> [NamedTensor] {
    let names = Self.names(family, encoderPrefix: family.tensorNames.prefix)
    let parts = [dense.parameters] + (norm.map { [$0.parameters] } ?? []) + [output.parameters]
    return zip(names, parts).flatMap { name, parameters in
      parameters.map { NamedTensor("\(name).\($0.name.hasSuffix("weight") ? "weight" : "bias")", $0.value) }
    }
  }

  /// What `config.json` needs beside the encoder's keys, for this head to be found again.
  var configurationEntries: ClassifierSettings {
    ClassifierSettings(
      id2label: Dictionary(uniqueKeysWithValues: (0..<labelCount).map { ("\($0)", "LABEL_\($0)") }),
      classifier_pooling: norm == nil ? nil : pooling.rawValue, classifier_activation: norm == nil ? nil : "gelu",
      classifier_bias: norm == nil ? nil : dense.bias != nil)
  }
}

/// Keys of `config.json` that are a classifier's.
struct ClassifierSettings: Codable {
  var id2label: [String: String]?
  var classifier_pooling: String?
  var classifier_activation: String?
  var classifier_bias: Bool?
}
