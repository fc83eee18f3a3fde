import { greet } from "./chunks/greet.js";

greet(document);
