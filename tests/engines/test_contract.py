"""What every engine does, over a real vLLM. What hangs on drawing the same tokens after a break it cannot do, and test_vllm.py has."""

from ..test_engine_contract import (  # noqa: F401
    call,
    test_a_stop_is_obeyed_at_once_wherever_it_comes,
    test_all_text_comes_with_the_tokens_it_takes,
    test_another_models_story_is_left_at_rest_with_a_sentence_that_names_both,
    test_it_says_something_at_least_every_second,
    test_it_says_who_it_is,
    test_it_starts_by_saying_who_writes_and_ends_with_one_finish,
    test_what_it_says_can_be_sent_from_process_to_process,
    whole,
)
