/// Training losses by the names that command lines and recipes give them.
///
///     try LossNames.loss("pairwise-hinge(margin=0.5)")
///     try LossNames.named("matryoshka(loss=infonce(temperature=0.05),dims=384/192/96)")
///
/// `docs/losses.md` says which loss is for which data.
public enum LossNames {
  /// Everything that is known of each loss, family by family.
  public static let entries: [LossEntry] = [
    pointwiseEntries, pairwiseEntries, listwiseEntries, distillationEntries, targetEntries, clickEntries, contrastiveEntries,
    metricEntries,
  ].flatMap { $0 }

  public static let all = entries.map(\.name)

  /// Losses over the documents of a list: they need two documents at least.
  public static let listwise = entries.filter { $0.forms == .lists && $0.model == .scores }.map(\.name)

  /// What is known of the loss that a text names; of one that is made of another, with the samples and labels of that.
  ///
  /// - Throws: ``NameError/unknown(_:known:)``, which tells the nearest name.
  public static func entry(_ text: String) throws -> LossEntry {
    var settings = try NamedSettings(text)
    guard let entry = entries.first(where: { $0.name == settings.name }) else {
      throw NameError.unknown(settings.name, known: all)
    }
    guard entry.settings.contains("loss"), let inner = settings.take("loss") else { return entry }
    return entry.reading(as: try self.entry(inner))
  }

  /// - Parameters:
  ///   - text: One of ``all``, with settings of ``LossEntry/settings``: `name` or `name(key=value,...)`.
  ///   - context: What the loss may need beside its parameters; without it losses of clicks can be named, not computed.
  /// - Throws: ``NameError``, ``LossError`` for values that cannot be meant.
  public static func named(_ text: String, context: LossContext = LossContext()) throws -> NamedLoss {
    var settings = try NamedSettings(text)
    let loss = try entry(text).make(&settings, context)
    try settings.finish()
    return loss
  }

  /// A loss over scores.
  ///
  /// - Throws: ``NameError/notOverScores(_:)`` for a loss over vectors or of two models; as ``named(_:context:)``.
  public static func loss(_ text: String) throws -> any RankingLoss {
    guard case .scores(let loss) = try named(text) else { throw NameError.notOverScores(text) }
    return loss
  }

  /// A loss over vectors that another one is made of; `infonce` where none is named.
  static func vectors(_ text: String?, in whole: String) throws -> any EmbeddingLoss {
    guard case .vectors(let loss) = try named(text ?? "infonce") else {
      throw NameError.choice(
        text: whole, key: "loss", found: text ?? "", known: entries.filter { $0.model == .vectors }.map(\.name))
    }
    return loss
  }
}
