/// The version of the toolkit, as the command prints it and as saved models and indexes record it.
public enum GradusVersion {
  public static let current = "0.1.0"
}
