import kotlinx.serialization.serializer
import org.openapitools.client.infrastructure.Serializer

/** Reads lines of a model's name and an answer, and prints each answer as the model writes it. */
fun main() {
    val json = Serializer.kotlinxSerializationJson
    for (line in generateSequence(::readLine)) {
        val (model, answer) = line.split(' ', limit = 2)
        val kind = Class.forName("org.openapitools.client.models.$model")
        val models = json.serializersModule.serializer(kind)
        println(json.encodeToString(models, json.decodeFromString(models, answer)))
    }
}
